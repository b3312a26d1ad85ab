import Glibc
public import Host
import SystemPackage

/// The content of guest memory: the search for the pages that hold any, and their copy into a file.
///
/// Call these while no vCPU runs and no device works.
extension GuestMemory {
    /// Returns the ranges of RAM that hold anything but zeroes, in ascending order, in whole pages. Two
    /// ranges with a gap of less than `gapByteCount` bytes become one.
    ///
    /// Throws if the process cannot read its own page tables (/proc/self/pagemap).
    public func rangesWithContent(joinedAcross gapByteCount: UInt64) throws(Failure) -> [GuestRange] {
        touchMappedFiles()
        let pageTable = try PageTable()
        var ranges: [GuestRange] = []
        for region in [low, high].compactMap({ $0 }) {
            try pageTable.forEachPage(of: region) { offset in
                guard unsafe !Self.isZero(region.hostBase + Int(offset)) else { return }
                // The offset lies within the region, whose addresses do not overflow.
                let address = region.range.start.rawValue &+ offset
                if let last = ranges.last, let end = last.end?.rawValue,
                    address == end || address &- end < gapByteCount, last.start >= region.range.start
                {
                    ranges[ranges.count - 1] = GuestRange(
                        start: last.start, byteCount: address &- last.start.rawValue &+ Self.pageByteCount)
                } else {
                    ranges.append(GuestRange(start: GuestAddress(address), byteCount: Self.pageByteCount))
                }
            }
        }
        return ranges
    }

    /// Returns the pages of RAM that this process has written since `map` laid a file there: those of which
    /// it has a copy of its own. Adjacent pages are one range.
    public func privateRanges() throws(Failure) -> [GuestRange] {
        let pageTable = try PageTable()
        var ranges: [GuestRange] = []
        for region in [low, high].compactMap({ $0 }) {
            try pageTable.forEachPage(of: region, where: \.isPrivate) { offset in
                let address = region.range.start.rawValue &+ offset
                if let last = ranges.last, last.end?.rawValue == address {
                    ranges[ranges.count - 1] = GuestRange(
                        start: last.start, byteCount: last.byteCount &+ Self.pageByteCount)
                } else {
                    ranges.append(GuestRange(start: GuestAddress(address), byteCount: Self.pageByteCount))
                }
            }
        }
        return ranges
    }

    /// Whether the page at `page` holds nothing but zeroes: each byte equals the one before, and the first is
    /// zero.
    private static func isZero(_ page: UnsafeMutableRawPointer) -> Bool {
        unsafe page.load(as: UInt64.self) == 0 && memcmp(page, page + 8, Int(pageByteCount) - 8) == 0
    }

    /// Writes `range` to `descriptor` at `fileOffset`, as pwrite(2) does. Throws the host's error.
    public func write(_ range: GuestRange, to descriptor: Int32, fileOffset: UInt64) throws(Failure) {
        guard let source = unsafe pointer(range.start, range.byteCount) else {
            throw Failure(.software, "cannot save the memory at \(range.start)", because: "there is no RAM")
        }
        var done: UInt64 = 0
        while done < range.byteCount {
            let at = unsafe source + Int(done)
            let count = unsafe pwrite(
                descriptor, at, Int(range.byteCount &- done), off_t(fileOffset &+ done))
            if count < 0, Errno.current == .interrupted { continue }
            guard count > 0 else {
                throw Failure("cannot save guest memory", errno: count < 0 ? .current : .noSpace)
            }
            done &+= UInt64(count)
        }
    }

    /// Gives this process its own copy of each page of `range` at once, as a write to each would
    /// (MADV_POPULATE_WRITE, Linux 5.14). Does nothing where the host's kernel cannot.
    public func populate(_ range: GuestRange) {
        guard let start = unsafe pointer(range.start, range.byteCount) else { return }
        unsafe madvise(start, Int(range.byteCount), Self.populateWrite)
    }

    /// MADV_POPULATE_WRITE, which glibc 2.36 does not declare.
    private static let populateWrite: Int32 = 23
}

/// This process's page table, as /proc/self/pagemap shows it (Documentation/admin-guide/mm/pagemap.rst).
private struct PageTable: ~Copyable {
    /// An entry: one page.
    struct Entry {
        let rawValue: UInt64

        /// Whether the page is in memory (bit 63) or on a swap device (bit 62).
        var isThere: Bool { rawValue >> 62 != 0 }
        /// Whether the page is neither a file's nor shared (bit 61).
        var isPrivate: Bool { isThere && rawValue >> 61 & 1 == 0 }
    }

    private static let path = "/proc/self/pagemap"
    /// The number of entries that one read fetches: those of 64 MiB.
    private static let pieceCount: UInt64 = 16 << 10

    private let descriptor: OwnedDescriptor

    init() throws(Failure) {
        do throws(Errno) {
            descriptor = try OwnedDescriptor(opening: Self.path, for: .reading)
        } catch {
            throw Failure("cannot open \(Self.path)", errno: error)
        }
    }

    /// Calls `body` with the offset of each page of `region` whose entry `isWanted`, in ascending order.
    func forEachPage(
        of region: GuestMemory.Region, where isWanted: (Entry) -> Bool = { $0.isThere },
        _ body: (UInt64) -> Void
    ) throws(Failure) {
        let first = UInt64(UInt(bitPattern: unsafe region.hostBase)) / GuestMemory.pageByteCount
        let count = region.range.byteCount / GuestMemory.pageByteCount
        var entries = [UInt64](repeating: 0, count: Int(min(count, Self.pieceCount)))
        for start in stride(from: 0, to: count, by: Int(Self.pieceCount)) {
            let here = min(Self.pieceCount, count - start)
            try read(&entries, count: here, from: first + start)
            for index in 0..<here where isWanted(Entry(rawValue: entries[Int(index)])) {
                body((start + index) * GuestMemory.pageByteCount)
            }
        }
    }

    /// Reads `count` entries from that of the page number `first` on.
    private func read(_ entries: inout [UInt64], count: UInt64, from first: UInt64) throws(Failure) {
        let wanted = Int(count) * MemoryLayout<UInt64>.size
        let done = unsafe entries.withUnsafeMutableBytes { buffer in
            unsafe pread(
                descriptor.rawValue, buffer.baseAddress, wanted,
                off_t(first * UInt64(MemoryLayout<UInt64>.size)))
        }
        guard done == wanted else {
            throw Failure("cannot read \(Self.path)", errno: done < 0 ? .current : .ioError)
        }
    }
}
