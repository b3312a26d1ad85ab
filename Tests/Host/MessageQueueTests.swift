import TestSupport
import Testing

@testable import Host

@Suite("Messages to a reader that may stop")
struct MessageQueueTests {
    @Test("messages are written in order, and a drain waits for them")
    func order() throws {
        let recorder = try TestRecorder()
        let queue = MessageQueue { recorder.record($0) }
        #expect(queue.drain(timeout: 1000))
        for index in 0..<1000 { queue.append(Array("line \(index)\n".utf8)) }
        #expect(queue.drain(timeout: WatchdogExpired.milliseconds))
        let expected = (0..<1000).map { "line \($0)\n" }.joined()
        #expect(String(decoding: recorder.bytes, as: UTF8.self) == expected)
        #expect(queue.takeNotice().isEmpty)
    }

    @Test(
        "messages never block; those that do not fit are dropped, and their number is written when the reader reads again"
    )
    func stoppedReader() throws {
        let recorder = try TestRecorder()
        let gate = Semaphore()
        let queue = MessageQueue { bytes in
            if recorder.all.isEmpty { gate.wait() }
            recorder.record(bytes)
        }
        let message = [UInt8](repeating: 0x2E, count: 1000)
        for _ in 0..<1000 { queue.append(message) }
        #expect(!queue.drain(timeout: 20), "a reader that has stopped is given up")
        gate.post()
        #expect(queue.drain(timeout: WatchdogExpired.milliseconds))
        let written = recorder.bytes.count { $0 == 0x2E } / 1000
        #expect((60...80).contains(written))
        let text = String(decoding: recorder.bytes.filter { $0 != 0x2E }, as: UTF8.self)
        #expect(text.hasSuffix(": \(1000 - written)\r\n"), "\(text)")
    }
}
