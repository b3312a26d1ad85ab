import Testing

@testable import Host

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

    @Test("bytes come out in the order in which they went in, however many are removed at a time")
    func mixedSizes() {
        var queue = ByteQueue()
        var removed: [UInt8] = []
        var next: UInt8 = 0
        for round in 0..<500 {
            let more = (0..<(round % 13)).map { _ in
                defer { next &+= 1 }
                return next
            }
            queue.append(more[...])
            let count = min(queue.count, round % 11)
            removed += queue.waiting.prefix(count)
            queue.removeFirst(count)
        }
        removed += queue.waiting
        #expect(removed == removed.indices.map { UInt8(truncatingIfNeeded: $0) })
        #expect(removed.count == (0..<500).reduce(0) { $0 + $1 % 13 })
    }

    @Test("erased bytes are gone from memory, and the others stay")
    func erase() {
        var queue = ByteQueue()
        queue.append([UInt8](1...10))
        queue.removeFirst(2)
        queue.eraseFirst(3)
        #expect(queue.bytes.prefix(5) == [1, 2, 0, 0, 0] && Self.contents(queue) == [6, 7, 8, 9, 10])
        queue.eraseFirst(-1)
        #expect(queue.count == 5)
        queue.eraseFirst(.max)
        #expect(queue.isEmpty)
    }

    @Test("an empty queue keeps its memory only if it is small")
    func memory() {
        for (byteCount, isKept) in [(1000, true), (8 << 20, false)] {
            var queue = ByteQueue()
            queue.append([UInt8](repeating: 1, count: byteCount))
            queue.removeFirst(byteCount)
            #expect((queue.bytes.capacity > 0) == isKept, "\(byteCount)")
        }
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
