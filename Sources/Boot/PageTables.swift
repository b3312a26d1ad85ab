import GuestMemory
import Host

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

    /// Writes the six pages to `address`; what they do not use of them is zero already.
    static func writeIdentity(at address: GuestAddress, into memory: GuestMemory) throws(Failure) {
        let pointers = address.rawValue + pageByteCount
        let directories = pointers + pageByteCount
        do throws(GuestMemoryFault) {
            try memory.store(pointers | table, at: address)
            for index in 0..<directoryCount {
                let directory = directories + index * pageByteCount
                try memory.store(directory | table, at: GuestAddress(pointers + index * 8))
            }
            for index in 0..<directoryCount * entriesPerTable {
                let page = index << 21 | present | writable | touched | largePage
                try memory.store(page, at: GuestAddress(directories + index * 8))
            }
        } catch {
            throw .outsideMemory(error)
        }
    }
}
