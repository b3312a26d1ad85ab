import CHost
public import SystemPackage

/// The only owner of a mapping: it is unmapped when its life ends.
@safe
public struct MappedRegion: ~Copyable, Sendable {
    public nonisolated(unsafe) let base: UnsafeMutableRawPointer
    public let byteCount: Int

    /// Takes over what mmap(2) returned.
    public init(
        descriptor: Int32, byteCount: Int, protection: Int32, flags: Int32, offset: Int = 0
    ) throws(Errno) {
        guard let base = unsafe chost_mmap(nil, byteCount, protection, flags, descriptor, offset) else {
            throw .current
        }
        unsafe self.base = base
        self.byteCount = byteCount
    }

    /// `byteCount` bytes from the start of `descriptor`, readable and writable, shared with whoever maps it too.
    public init(sharing descriptor: Int32, byteCount: Int) throws(Errno) {
        try self.init(
            descriptor: descriptor, byteCount: byteCount, protection: PROT_READ | PROT_WRITE,
            flags: MAP_SHARED)
    }

    /// Private anonymous memory for a guest, in small pages until `allowHugePages`, and aligned to 2 MiB so that huge pages
    /// of the host can then be huge pages of the guest: nothing is reserved for it in advance, it stays out of core dumps, and /proc/PID/smaps calls it
    /// `[anon:guest-ram]` where the kernel can name mappings.
    public init(guestRAM byteCount: Int) throws(Failure) {
        do throws(Errno) {
            try self.init(
                anonymous: byteCount, protection: PROT_READ | PROT_WRITE, alignment: Self.hugePageByteCount)
        } catch {
            throw Failure(
                "cannot reserve \(byteCount >> 20) MiB for the guest", errno: error,
                cure: "Ask for less with --memory, or look at ulimit -v.")
        }
        unsafe chost_name_mapping(base, byteCount, "guest-ram")
        unsafe madvise(base, byteCount, MADV_DONTDUMP)
        unsafe madvise(base, byteCount, MADV_NOHUGEPAGE)
    }

    /// Private anonymous memory for reading, aligned to `alignment`, a power of two: zeroes, and files that are laid over
    /// them.
    public init(reading byteCount: Int, alignment: Int) throws(Failure) {
        do throws(Errno) {
            try self.init(anonymous: byteCount, protection: PROT_READ, alignment: alignment)
        } catch {
            throw Failure(
                "cannot reserve \(byteCount >> 20) MiB of addresses", errno: error,
                cure: "Look at ulimit -v.")
        }
    }

    private init(anonymous byteCount: Int, protection: Int32, alignment: Int) throws(Errno) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let whole = unsafe chost_mmap(nil, byteCount + alignment, protection, flags, -1, 0) else {
            throw .current
        }
        let before = -Int(bitPattern: whole) & (alignment - 1)
        unsafe base = whole + before
        self.byteCount = byteCount
        unsafe Self.unmap(whole, before)
        unsafe Self.unmap(base + byteCount, alignment - before)
    }

    /// Shows the first `count` bytes of a file from `offset` on, for reading, shared with whoever maps it too. `offset` is
    /// a multiple of 4,096; the rest of the last page is zero.
    ///
    /// A page that is cut off later is a SIGBUS for whoever reads it, and EFAULT for the kernel.
    public func lay(_ descriptor: Int32, byteCount count: Int, at offset: Int) throws(Errno) {
        precondition(offset >= 0 && count > 0 && offset <= byteCount - count, "a file beyond its mapping")
        let mapped = unsafe chost_mmap(
            base + offset, count, PROT_READ, MAP_SHARED | MAP_FIXED, descriptor, 0)
        guard unsafe mapped != nil else { throw .current }
    }

    /// Lets the host fill the last `count` times 2 MiB with huge pages from here on, and join what is there already.
    public func allowHugePages(last count: Int) {
        let most = byteCount / Self.hugePageByteCount
        allowHugePages(byteCount - min(count, most) * Self.hugePageByteCount, byteCount)
    }

    /// The same for each 2 MiB of which nothing is there, or seven eighths and more, as it is now.
    ///
    /// To join the little that is there of the others would make a huge page of a few small ones: the host's khugepaged does
    /// that wherever it may, and what a guest takes that does little would double within a minute.
    public func allowHugePagesWhereTheyPay() {
        var (start, rest): (Int?, Int) = (nil, Self.mostPieces)
        for step in stride(from: 0, to: byteCount, by: Self.stepByteCount) {
            for (index, filled) in filledPages(from: step).enumerated() {
                let piece = step + index * Self.hugePageByteCount
                if filled == 0 || filled >= Self.hugePagePages * 7 / 8 {
                    start = start ?? piece
                } else if let begin = start {
                    allowHugePages(begin, piece)
                    (start, rest) = (nil, rest - 1)
                    // A guest that is everywhere does not do little.
                    if rest == 0 { return allowHugePages(piece, byteCount) }
                }
            }
        }
        if let begin = start { allowHugePages(begin, byteCount) }
    }

    /// How many pages there are of each 2 MiB from `start` on, for one step.
    private func filledPages(from start: Int) -> [Int] {
        let count = min(Self.stepByteCount, byteCount - start) / Self.pageByteCount
        var isThere = [UInt8](repeating: 0, count: count)
        // What cannot be told is taken for empty.
        if unsafe mincore(base + start, count * Self.pageByteCount, &isThere) < 0 {
            isThere = [UInt8](repeating: 0, count: count)
        }
        return stride(from: 0, to: count, by: Self.hugePagePages).map { first in
            isThere[first..<min(first + Self.hugePagePages, count)].count { $0 & 1 != 0 }
        }
    }

    private func allowHugePages(_ start: Int, _ end: Int) {
        unsafe madvise(base + start, end - start, MADV_HUGEPAGE)
    }

    private static let pageByteCount = 4096
    private static let hugePagePages = hugePageByteCount / pageByteCount
    /// What is looked at with one call.
    private static let stepByteCount = 64 << 20
    /// Each is a mapping of its own for the host, of which a process may have 65,530. The guest decides how many it needs.
    private static let mostPieces = 256
    private static let hugePageByteCount = 2 << 20

    private static func unmap(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
        if byteCount > 0 { unsafe munmap(start, byteCount) }
    }

    deinit {
        unsafe munmap(base, byteCount)
    }
}
