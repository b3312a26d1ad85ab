import Glibc
public import Host
import Synchronization
import SystemPackage

/// The content of guest memory: the search for the pages that hold any, and their copy into a file.
///
/// Call these while no vCPU runs and no device works.
extension GuestMemory {
    /// A range of RAM that holds something, and where that is found again.
    public struct Content: Hashable, Sendable {
        public var range: GuestRange
        /// The offset in the file at which the same bytes are; nil if only RAM has them.
        public var fileOffset: UInt64?
    }

    /// Returns the ranges of RAM that hold anything but zeroes, in ascending order, in whole pages. Pages
    /// that are still those of `file`, which was mapped over RAM, are found there again; those of other
    /// mapped files are not.
    ///
    /// Throws if the process cannot read its own page tables (/proc/self/pagemap).
    public func content(besides file: FileIdentity?) throws(Failure) -> [Content] {
        let mapped = mapped.withLock { $0 }
        for other in mapped where other.file != file { touch(other.range) }
        let ofFile = mapped.filter { $0.file == file && file != nil }.sorted {
            $0.range.start < $1.range.start
        }
        let pageTable = try PageTable()
        var runs = ContentRuns(ofFile)
        for region in [low, high].compactMap({ $0 }) {
            try pageTable.forEachPage(of: region) { offset, entry in
                // The offset lies within the region, whose addresses do not overflow.
                let address = region.range.start.rawValue &+ offset
                if let fileOffset = runs.fileOffset(of: address), !entry.isPrivate {
                    runs.add(address, fileOffset: fileOffset)
                } else if entry.isThere, unsafe !Self.isZero(region.hostBase + Int(offset)) {
                    runs.add(address, fileOffset: nil)
                }
            }
        }
        return runs.finished()
    }

    /// Makes every page of a mapped file resident, as a read of each does.
    private func touch(_ range: GuestRange) {
        for offset in stride(from: 0, to: range.byteCount, by: Int(Self.pageByteCount)) {
            _ = try? load(UInt8.self, at: GuestAddress(range.start.rawValue &+ offset))
        }
    }

    /// Returns the pages of RAM that this process has written since `map` laid a file there: those of which
    /// it has a copy of its own. Adjacent pages are one range.
    public func privateRanges() throws(Failure) -> [GuestRange] {
        let pageTable = try PageTable()
        var runs = ContentRuns()
        for region in [low, high].compactMap({ $0 }) {
            try pageTable.forEachPage(of: region) { offset, entry in
                guard entry.isPrivate else { return }
                runs.add(region.range.start.rawValue &+ offset, fileOffset: nil)
            }
        }
        return runs.finished().map(\.range)
    }

    /// Whether the page at `page` holds nothing but zeroes: each byte equals the one before, and the first is
    /// zero.
    private static func isZero(_ page: UnsafeMutableRawPointer) -> Bool {
        unsafe page.load(as: UInt64.self) == 0 && memcmp(page, page + 8, Int(pageByteCount) - 8) == 0
    }

    /// Returns the number of bytes of RAM below `address`, which is RAM.
    public func offset(of address: GuestAddress) -> UInt64 {
        // The hole has no RAM, so an address behind it is at least its size.
        address < GuestAddress(Self.holeEnd)
            ? address.rawValue : address.rawValue &- (Self.holeEnd - Self.holeStart)
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

/// Collects pages into ranges.
private struct ContentRuns {
    /// A shorter run of pages that are still those of a file is not worth a mapping of its own: 64 KiB.
    private static let shortestFileRun: UInt64 = 64 << 10

    private let ofFile: [GuestMemory.MappedFile]
    /// The first of `ofFile` that may contain the next page.
    private var next = 0
    private var runs: [GuestMemory.Content] = []

    /// `ofFile` are the mapped parts of the file, in ascending order.
    init(_ ofFile: [GuestMemory.MappedFile] = []) {
        self.ofFile = ofFile
    }

    /// Returns the place of a page in the file; nil if the file is not mapped there. Call it with ascending
    /// addresses.
    mutating func fileOffset(of address: UInt64) -> UInt64? {
        while next < ofFile.count, let end = ofFile[next].range.end, end.rawValue <= address { next += 1 }
        guard next < ofFile.count, ofFile[next].range.start.rawValue <= address else { return nil }
        return ofFile[next].fileOffset &+ (address &- ofFile[next].range.start.rawValue)
    }

    /// Adds the next page.
    mutating func add(_ address: UInt64, fileOffset: UInt64?) {
        let pageByteCount = GuestMemory.pageByteCount
        if let last = runs.last, last.range.end?.rawValue == address,
            fileOffset == last.fileOffset.map({ $0 &+ last.range.byteCount })
        {
            runs[runs.count - 1].range = GuestRange(
                start: last.range.start, byteCount: last.range.byteCount &+ pageByteCount)
        } else {
            runs.append(
                GuestMemory.Content(
                    range: GuestRange(start: GuestAddress(address), byteCount: pageByteCount),
                    fileOffset: fileOffset))
        }
    }

    /// Returns the ranges. Runs of the file that are too short count as RAM's own.
    func finished() -> [GuestMemory.Content] {
        runs.map { run in
            var run = run
            if run.range.byteCount < Self.shortestFileRun { run.fileOffset = nil }
            return run
        }
    }
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

    /// Calls `body` with the offset and the entry of each page of `region`, in ascending order.
    func forEachPage(
        of region: GuestMemory.Region, _ body: (UInt64, Entry) -> Void
    ) throws(Failure) {
        let first = UInt64(UInt(bitPattern: unsafe region.hostBase)) / GuestMemory.pageByteCount
        let count = region.range.byteCount / GuestMemory.pageByteCount
        var entries = [UInt64](repeating: 0, count: Int(min(count, Self.pieceCount)))
        for start in stride(from: 0, to: count, by: Int(Self.pieceCount)) {
            let here = min(Self.pieceCount, count - start)
            try read(&entries, count: here, from: first + start)
            for index in 0..<here {
                body((start + index) * GuestMemory.pageByteCount, Entry(rawValue: entries[Int(index)]))
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
