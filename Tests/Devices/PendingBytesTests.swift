import Testing

@testable import Devices

@Suite struct PendingBytesTests {
    @Test func itGivesBackWhatItTookHoweverItIsTaken() {
        var queue = PendingBytes()
        var taken: [UInt8] = []
        var next: UInt8 = 0
        for round in 0..<500 {
            let more = (0..<(round % 13)).map { _ in
                defer { next &+= 1 }
                return next
            }
            queue.append(more[...])
            let count = min(queue.count, round % 11)
            taken += queue.waiting.prefix(count)
            queue.removeFirst(count)
        }
        taken += queue.waiting
        #expect(taken == taken.indices.map { UInt8(truncatingIfNeeded: $0) })
        #expect(taken.count == (0..<500).reduce(0) { $0 + $1 % 13 })
    }
}
