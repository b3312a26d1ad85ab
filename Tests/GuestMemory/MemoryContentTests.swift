import GuestMemory
import Host
import TestSupport
import Testing

@Suite("The content of guest memory, saved into a file and mapped again")
struct MemoryContentTests {
    private static let page = GuestMemory.pageByteCount

    private func memory(_ byteCount: UInt64 = 1 << 20) throws -> GuestMemory {
        try GuestMemory(byteCount: byteCount)
    }

    private func range(_ page: UInt64, _ count: UInt64) -> GuestRange {
        GuestRange(start: GuestAddress(page * Self.page), byteCount: count * Self.page)
    }

    @Test("pages of zeroes are left out, whether or not they were touched")
    func zeroes() throws {
        let memory = try memory()
        #expect(try content(memory) == [])
        for page: UInt64 in [2, 3, 5, 255] {
            try memory.store(UInt8(1), at: GuestAddress(page << 12 | 0xFFF))
        }
        try memory.store(UInt8(0), at: GuestAddress(9 << 12))
        try memory.store(UInt8(1), at: GuestAddress(11 << 12))
        try memory.zero(range(11, 1))
        #expect(try content(memory) == [range(2, 2), range(5, 1), range(255, 1)])
    }

    /// The ranges with content; none may be found in a file.
    private func content(_ memory: GuestMemory) throws -> [GuestRange] {
        let content = try memory.content(besides: nil)
        #expect(content.allSatisfy { $0.fileOffset == nil })
        return content.map(\.range)
    }

    @Test("a mapped file has content, although nobody has touched it")
    func mappedFile() throws {
        let file = try TemporaryFile([UInt8](repeating: 7, count: 3 << 12))
        let descriptor = try OwnedDescriptor(opening: file.path, for: .reading)
        let memory = try memory()
        try memory.map(descriptor.rawValue, fileOffset: 0, over: range(8, 3))
        #expect(try content(memory) == [range(8, 3)])
    }

    @Test("pages that are still those of the file are found there, unless they are few")
    func pagesOfTheFile() throws {
        let file = try TemporaryFile([UInt8](repeating: 7, count: 80 << 12))
        let descriptor = try OwnedDescriptor(opening: file.path, for: .reading)
        let memory = try memory()
        try memory.map(descriptor.rawValue, fileOffset: 40 << 12, over: range(100, 40))
        try memory.map(descriptor.rawValue, fileOffset: 0, over: range(8, 40))
        // Of the first mapping, 15 pages are left on one side of a written one, and 24 on the other.
        try memory.store(UInt8(1), at: GuestAddress(23 << 12))
        _ = try memory.load(UInt8.self, at: GuestAddress(30 << 12))
        // A page that was written with zeroes has no content any more.
        try memory.zero(range(110, 1))
        let content = try memory.content(besides: FileIdentity(of: file.path))
        #expect(
            content.map(\.range) == [
                range(8, 15), range(23, 1), range(24, 24), range(100, 10), range(111, 29),
            ])
        #expect(content.map(\.fileOffset) == [nil, nil, 16 << 12, nil, 51 << 12])
        #expect(try self.content(memory).count == 3, "of no file")
    }

    @Test("memory on both sides of the hole comes back, in another place of the file")
    func roundTrip() throws {
        let memory = try memory(GuestMemory.holeStart + 1 << 20)
        let last = GuestMemory.holeEnd + (1 << 20) - 8
        let addresses = [0, 0x1234, GuestMemory.holeStart - 8, GuestMemory.holeEnd, last]
        for address in addresses { try memory.store(address | 1, at: GuestAddress(address)) }
        #expect(memory.offset(of: GuestAddress(last)) == memory.byteCount - 8)
        let file = try TemporaryFile()
        let descriptor = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
        let copy = try self.memory(memory.byteCount)
        var offset: UInt64 = 4 << 12
        for range in try content(memory) {
            try memory.write(range, to: descriptor.rawValue, fileOffset: offset)
            try copy.map(descriptor.rawValue, fileOffset: offset, over: range)
            offset += range.byteCount
        }
        for address in addresses { #expect(try copy.load(at: GuestAddress(address)) == address | 1) }
        #expect(try content(copy) == content(memory))
    }

    @Test("a write to mapped memory makes a page private, and leaves the file as it is")
    func privatePages() throws {
        let file = try TemporaryFile([UInt8](repeating: 7, count: 8 << 12))
        let memory = try memory()
        let descriptor = try OwnedDescriptor(opening: file.path, for: .reading)
        try memory.map(descriptor.rawValue, fileOffset: 0, over: range(16, 8))
        #expect(try memory.privateRanges() == [])
        _ = try memory.load(UInt8.self, at: GuestAddress(17 << 12))
        #expect(try memory.privateRanges() == [])
        try memory.store(UInt8(1), at: GuestAddress(18 << 12))
        #expect(try memory.privateRanges() == [range(18, 1)])
        memory.populate(range(20, 3))
        #expect(try memory.privateRanges() == [range(18, 1), range(20, 3)])
        #expect(try memory.load(at: GuestAddress(20 << 12)) == UInt8(7))
        #expect(try file.bytes() == [UInt8](repeating: 7, count: 8 << 12))
    }

    @Test("memory that does not exist is neither written nor populated")
    func outside() throws {
        let memory = try memory()
        let file = try TemporaryFile()
        let descriptor = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
        #expect(throws: Failure.self) {
            try memory.write(range(255, 2), to: descriptor.rawValue, fileOffset: 0)
        }
        memory.populate(range(255, 2))
        memory.populate(GuestRange(start: GuestAddress(.max), byteCount: .max))
        #expect(try file.bytes() == [])
        #expect(try memory.privateRanges() == [])
    }
}
