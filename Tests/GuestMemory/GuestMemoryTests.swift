import GuestMemory
import Host
import TestSupport
import Testing

/// A page above the hole costs 3 GiB of address space, and no memory.
private func bigMemory() throws -> GuestMemory {
    try GuestMemory(byteCount: GuestMemory.holeStart + 0x2000)
}

@Suite struct GuestMemoryTests {
    @Test func lowMemoryIsOneRegion() throws {
        let memory = try GuestMemory(byteCount: 0x4000)
        #expect(memory.high == nil)
        #expect(memory.low.range == GuestRange(start: GuestAddress(0), byteCount: 0x4000))
    }

    @Test func theHoleBelow4GiBSplitsMemory() throws {
        let memory = try bigMemory()
        #expect(memory.low.range.end == GuestAddress(GuestMemory.holeStart))
        #expect(memory.high?.range == GuestRange(start: GuestAddress(1 << 32), byteCount: 0x2000))
    }

    @Test(arguments: [0, 1, 4095, 4097, UInt64.max])
    func sizesThatAreNoPagesAreRefused(_ byteCount: UInt64) {
        #expect(throws: Failure.self) { try GuestMemory(byteCount: byteCount) }
    }

    @Test func numbersAreLittleEndianAtAnyAddress() throws {
        let memory = try GuestMemory(byteCount: 0x1000)
        try memory.store(UInt32(0x1234_5678), at: GuestAddress(3))
        #expect(try memory.bytes(at: GuestAddress(3), count: 4) == [0x78, 0x56, 0x34, 0x12])
        #expect(try memory.load(UInt16.self, at: GuestAddress(4)) == 0x3456)
    }

    @Test func highMemoryIsItsOwn() throws {
        let memory = try bigMemory()
        try memory.store(UInt64(42), at: GuestAddress(1 << 32))
        #expect(try memory.load(UInt64.self, at: GuestAddress(1 << 32)) == 42)
        #expect(try memory.load(UInt64.self, at: GuestAddress(GuestMemory.holeStart - 8)) == 0)
    }

    @Test(arguments: [
        GuestRange(start: GuestAddress(GuestMemory.holeStart - 4), byteCount: 8),
        GuestRange(start: GuestAddress(GuestMemory.holeStart), byteCount: 1),
        GuestRange(start: GuestAddress((1 << 32) - 1), byteCount: 2),
        GuestRange(start: GuestAddress((1 << 32) + 0x1FFF), byteCount: 2),
        GuestRange(start: GuestAddress((1 << 32) + 0x2001), byteCount: 0),
        GuestRange(start: GuestAddress(0), byteCount: .max),
        GuestRange(start: GuestAddress(.max), byteCount: 1),
        GuestRange(start: GuestAddress(.max), byteCount: .max),
        GuestRange(start: GuestAddress(1 << 63), byteCount: 1 << 63),
    ])
    func whatIsNotAllRAMIsAFault(_ range: GuestRange) throws {
        let memory = try bigMemory()
        #expect(!memory.contains(range))
        #expect(throws: GuestMemoryFault(range)) { try memory.zero(range) }
        #expect(throws: GuestMemoryFault(range)) { unsafe _ = try memory.vector(range) }
    }

    @Test func anEmptyRangeMayTouchTheEnd() throws {
        let memory = try GuestMemory(byteCount: 0x1000)
        #expect(memory.contains(GuestRange(start: GuestAddress(0x1000), byteCount: 0)))
        #expect(!memory.contains(GuestRange(start: GuestAddress(0x1001), byteCount: 0)))
    }

    @Test func aFaultChangesNothing() throws {
        let memory = try GuestMemory(byteCount: 0x1000)
        #expect(throws: GuestMemoryFault.self) {
            try memory.write([UInt8](repeating: 7, count: 16), at: GuestAddress(0xFF8))
        }
        #expect(try memory.load(UInt64.self, at: GuestAddress(0xFF8)) == 0)
    }

    @Test func ringIndicesAreAligned() throws {
        let memory = try GuestMemory(byteCount: 0x1000)
        try memory.storeReleasing(0xABCD, at: GuestAddress(2))
        #expect(try memory.loadAcquiring(at: GuestAddress(2)) == 0xABCD)
        #expect(throws: GuestMemoryFault.self) { try memory.loadAcquiring(at: GuestAddress(3)) }
        #expect(throws: GuestMemoryFault.self) { try memory.storeReleasing(1, at: GuestAddress(1)) }
    }

    @Test func rangesOverlapByAByte() {
        let range = GuestRange(start: GuestAddress(10), byteCount: 10)
        #expect(range.overlaps(GuestRange(start: GuestAddress(19), byteCount: 1)))
        #expect(!range.overlaps(GuestRange(start: GuestAddress(20), byteCount: 1)))
        #expect(!range.overlaps(GuestRange(start: GuestAddress(0), byteCount: 10)))
        #expect(range.overlaps(GuestRange(start: GuestAddress(.max), byteCount: 2)))
    }
}
