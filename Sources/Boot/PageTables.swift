import GuestMemory

/// An identity map of the first 4 GiB in 2 MiB pages: one PML4, one page directory pointer table, four page directories
/// (Intel SDM volume 3, 4.5 "4-Level Paging").
enum PageTables {
    private static let pageByteCount: UInt64 = 4096
    private static let entriesPerTable: UInt64 = 512
    private static let directoryCount: UInt64 = 4

    private static let present: UInt64 = 1 << 0
    private static let writable: UInt64 = 1 << 1
    // Accessed and dirty, so that no walk of the tables has to write to them.
    private static let touched: UInt64 = 1 << 5 | 1 << 6
    private static let largePage: UInt64 = 1 << 7
    private static let table = present | writable | 1 << 5

    /// The six pages for `address`.
    static func identity(at address: GuestAddress) -> [UInt8] {
        let pointers = address.rawValue + pageByteCount
        let directories = pointers + pageByteCount
        var pages = ByteWriter(zeroes: Int((2 + directoryCount) * pageByteCount))
        pages.store(pointers | table, at: 0)
        for index in 0..<directoryCount {
            pages.store(directories + index * pageByteCount | table, at: Int(pageByteCount + index * 8))
        }
        for index in 0..<directoryCount * entriesPerTable {
            let page = index << 21 | present | writable | touched | largePage
            pages.store(page, at: Int(2 * pageByteCount + index * 8))
        }
        return pages.bytes
    }
}
