import Testing

@testable import Machine

@Suite struct ConsoleTailTests {
    @Test("the last 16 KiB are kept, oldest first", arguments: [0, 1, 16_383, 16_384, 16_385, 50_000])
    func kept(count: Int) {
        let tail = ConsoleTail()
        for index in 0..<count { tail.writeWaiting(UInt8(truncatingIfNeeded: index ^ index >> 8)) }
        let expected = (max(0, count - 16_384)..<count).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
        #expect(tail.bytes == expected)
    }
}
