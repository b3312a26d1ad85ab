import Host

/// Pages of the guest's memory, of 4,096 bytes each. A number of a page has 32 bits: they reach 16 TiB.
struct PageRange: Hashable, Sendable {
    /// The guest-physical address of the first page, in pages.
    var firstPage: UInt32
    var pageCount: UInt32
}

extension PageRange: ByteValue {
    func write(to writer: inout ByteWriter) {
        writer.u32(firstPage)
        writer.u32(pageCount)
    }

    init?(from reader: inout ByteReader) {
        guard let firstPage = reader.u32(), let pageCount = reader.u32() else { return nil }
        self.init(firstPage: firstPage, pageCount: pageCount)
    }
}
