import GuestMemory
import Host

/// Pages of the guest's memory, of 4,096 bytes each. A number of a page has 32 bits: they reach 16 TiB.
struct PageRange: Hashable, Sendable {
    /// The guest-physical address of the first page, in pages.
    var firstPage: UInt32
    var pageCount: UInt32
}

extension PageRange {
    /// The range of guest memory.
    var range: GuestRange {
        // Both have 32 bits: a product has 44.
        GuestRange(
            start: GuestAddress(UInt64(firstPage) * GuestMemory.pageByteCount),
            byteCount: UInt64(pageCount) * GuestMemory.pageByteCount)
    }

    /// Makes the range of whole pages; nil if it reaches beyond 16 TiB.
    init?(_ range: GuestRange) {
        guard let first = UInt32(exactly: range.start.rawValue / GuestMemory.pageByteCount),
            let count = UInt32(exactly: range.byteCount / GuestMemory.pageByteCount)
        else { return nil }
        self.init(firstPage: first, pageCount: count)
    }
}

extension PageRange: FixedByteValue {
    static var encodedByteCount: Int { 8 }

    func write(to writer: inout ByteWriter) {
        writer.u32(firstPage)
        writer.u32(pageCount)
    }

    init(_ bytes: RawSpan) {
        (firstPage, pageCount) = (bytes.field(at: 0), bytes.field(at: 4))
    }
}
