import Foundation
import Host
import TestSupport
import Testing

@testable import Comparison
@testable import Measure

@Suite("the idle program")
struct IdleProgramTests {
    @Test("the idle program says one byte, waits, and ends when it is asked to")
    func idle() throws {
        let directory = try TemporaryDirectory()
        let program = directory.path("idle")
        try ExecutableFile.write(IdleProgram.bytes, to: program)
        let batch = try Batch([Launch([program], environment: [])], interruption: try Interruption())
        try batch.start(0, begin: .now())
        #expect(batch.wait(for: .firstBytes, until: MonotonicTime.now().adding(seconds: 60)) == .reached)
        #expect(batch.isRunning(0))
        batch.send(SIGTERM)
        #expect(batch.wait(for: .ends, until: MonotonicTime.now().adding(seconds: 60)) == .reached)
        #expect(batch.outcomes()[0].output == "r" && batch.outcomes()[0].isSuccess)
    }
}
