import TestSupport
import Testing
import Virtio

@Suite struct VirtioInterruptTests {
    /// A transport with a vector for each queue hands in a line for each.
    @Test func aUsedBufferInterruptsOnTheLineOfItsQueue() throws {
        let lines = try (0..<3).map { _ in try TestLine() }
        let interrupt = VirtioInterrupt(line: lines[2], queueLines: [lines[0], lines[1]])
        interrupt.usedBuffer(queue: 1)
        interrupt.usedBuffer(queue: 1)
        #expect(lines.map(\.count) == [0, 2, 0])
        interrupt.configurationChanged()
        #expect(lines.map(\.count) == [0, 2, 1])
        interrupt.usedBuffer(queue: 0)
        #expect(lines.map(\.count) == [1, 2, 1])
    }

    @Test func aDeviceThatHasFailedDoesNoMoreWork() throws {
        let line = try TestLine()
        let interrupt = VirtioInterrupt(line: line)
        var workCount = 0
        interrupt.serve { workCount += 1 }
        interrupt.serve { () throws(VirtqueueError) in throw .chainTooLong }
        interrupt.serve { workCount += 1 }
        #expect(workCount == 1)
        #expect(interrupt.isFailed)
        #expect(interrupt.faults.count == 1)
        #expect(interrupt.faults.last == .chainTooLong)
        #expect(line.count == 1)
    }
}
