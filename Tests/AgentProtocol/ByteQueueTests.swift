import AgentProtocol
import Testing

@Suite struct ByteQueueTests {
    private static func contents(_ queue: ByteQueue) -> [UInt8] {
        unsafe queue.withBytes { unsafe Array($0) }
    }

    @Test("bytes leave the queue in order, whatever the sizes of the pieces")
    func order() {
        var queue = ByteQueue()
        var (next, expected) = (UInt8(0), UInt8(0))
        for round in 1..<300 {
            let more = (0..<(round % 7)).map { UInt8(truncatingIfNeeded: Int(next) + $0) }
            next = next &+ UInt8(more.count)
            queue.append(more)
            let taken = Self.contents(queue).prefix(round % 6)
            for byte in taken {
                #expect(byte == expected)
                expected = expected &+ 1
            }
            queue.removeFirst(round % 6)
        }
        #expect(Self.contents(queue).first == expected && queue.count == Int(next &- expected))
    }

    @Test("removing too many or a negative number of bytes is harmless")
    func limits() {
        var queue = ByteQueue()
        queue.append([1, 2, 3])
        queue.removeFirst(-5)
        #expect(queue.count == 3)
        queue.removeFirst(.max)
        #expect(queue.isEmpty && Self.contents(queue).isEmpty)
    }
}
