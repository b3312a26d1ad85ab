import GuestMemory
import Host

/// An identity map of the first 4 GiB in 2 MiB pages: one PML4, one page directory pointer table, four page
/// directories (Intel SDM volume 3, 4.5 "4-Level Paging").
enum PageTables {
    private static let pageByteCount: UInt64 = 4096
    private static let entriesPerTable: UInt64 = 512
    private static let directoryCount: UInt64 = 4

    private static let present: UInt64 = 1 << 0
    private static let writable: UInt64 = 1 << 1
    // The accessed and dirty bits, set so that no walk of the tables has to write to them.
    private static let touched: UInt64 = 1 << 5 | 1 << 6
    private static let largePage: UInt64 = 1 << 7
    private static let table = present | writable | 1 << 5

    /// Writes the six pages to `address`, a multiple of 4,096. Their unused entries must be zero already.
    static func writeIdentity(at address: GuestAddress, into memory: GuestMemory) throws(Failure) {
        let tables = GuestRange(start: address, byteCount: (2 + directoryCount) * pageByteCount)
        guard memory.contains(tables) else { throw .outsideMemory(GuestMemoryFault(tables)) }
        // The 2,054 stores need no check each: the range was checked above, and the guest does not run yet.
        let entries = unsafe memory.hostBytes(tables).bindMemory(to: UInt64.self)
        let pointers = address.rawValue + pageByteCount
        let directories = pointers + pageByteCount
        unsafe entries[0] = pointers | table
        for index in 0..<Int(directoryCount) {
            unsafe entries[Int(entriesPerTable) + index] =
                directories + UInt64(index) * pageByteCount | table
        }
        for index in 0..<Int(directoryCount * entriesPerTable) {
            let page = UInt64(index) << 21 | present | writable | touched | largePage
            unsafe entries[2 * Int(entriesPerTable) + index] = page
        }
    }
}
