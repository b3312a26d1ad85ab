import CHost
public import SystemPackage

/// The only owner of a memory mapping, which is unmapped in `deinit`.
///
/// Safe: the mapping lives exactly as long as the value, and each access through `base` is marked `unsafe`
/// where it is made.
@safe
public struct MappedRegion: ~Copyable, Sendable {
    /// The start of the mapping. Threads may share it, because it never changes; they must not use it after
    /// the region's end, and must agree about who writes.
    public nonisolated(unsafe) let base: UnsafeMutableRawPointer
    /// The size of the mapping.
    public let byteCount: Int

    /// Maps `byteCount` bytes of `descriptor` from `offset` on (mmap(2)).
    public init(
        descriptor: Int32, byteCount: Int, protection: Int32, flags: Int32, offset: Int = 0
    ) throws(Errno) {
        guard let base = unsafe chost_mmap(nil, byteCount, protection, flags, descriptor, offset) else {
            throw .current
        }
        unsafe self.base = base
        self.byteCount = byteCount
    }

    /// Maps the first `byteCount` bytes of `descriptor`, readable, writable and shared with other mappings of
    /// the file.
    public init(sharing descriptor: Int32, byteCount: Int) throws(Errno) {
        try self.init(
            descriptor: descriptor, byteCount: byteCount, protection: PROT_READ | PROT_WRITE,
            flags: MAP_SHARED)
    }

    /// Maps private anonymous memory for a guest. The mapping is aligned to 2 MiB, so that a huge page of the
    /// host can back a huge page of the guest; it has small pages until `allowHugePages`. Nothing is reserved
    /// for it in advance, core dumps leave it out, and /proc/PID/smaps calls it `[anon:guest-ram]` if the
    /// kernel can name mappings.
    public init(guestRAM byteCount: Int) throws(Failure) {
        do throws(Errno) {
            try self.init(
                anonymous: byteCount, protection: PROT_READ | PROT_WRITE, alignment: Self.hugePageByteCount)
        } catch {
            throw Failure(
                "cannot reserve \(byteCount >> 20) MiB for the guest", errno: error,
                cure: "Use a smaller --memory, or raise the limit that ulimit -v shows.")
        }
        unsafe chost_name_mapping(base, byteCount, "guest-ram")
        excludeFromCoreDumps()
        unsafe madvise(base, byteCount, MADV_NOHUGEPAGE)
    }

    /// Keeps the region out of core dumps, with all that is mapped in it now.
    public func excludeFromCoreDumps() {
        unsafe madvise(base, byteCount, MADV_DONTDUMP)
    }

    /// Maps private anonymous memory for reading, aligned to `alignment`, a power of two. It reads as zero
    /// until `lay` maps files over it.
    public init(reading byteCount: Int, alignment: Int) throws(Failure) {
        do throws(Errno) {
            try self.init(anonymous: byteCount, protection: PROT_READ, alignment: alignment)
        } catch {
            throw Failure(
                "cannot reserve \(byteCount >> 20) MiB of address space", errno: error,
                cure: "Raise the limit that ulimit -v shows.")
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

    /// Maps the first `count` bytes of a file over the region from `offset` on, for reading, shared with
    /// other mappings of the file. `offset` is a multiple of 4,096; the rest of the last page is zero.
    ///
    /// If the file is truncated later, an access to a page that is gone raises SIGBUS in the process and
    /// EFAULT in the kernel.
    public func lay(_ descriptor: Int32, byteCount count: Int, at offset: Int) throws(Errno) {
        precondition(offset >= 0 && count > 0 && offset <= byteCount - count, "a file beyond its mapping")
        let mapped = unsafe chost_mmap(
            base + offset, count, PROT_READ, MAP_SHARED | MAP_FIXED, descriptor, 0)
        guard unsafe mapped != nil else { throw .current }
    }

    /// Allows huge pages in the last `count` blocks of 2 MiB, which may replace small pages that are resident
    /// already.
    public func allowHugePages(last count: Int) {
        let most = byteCount / Self.hugePageByteCount
        allowHugePages(byteCount - min(count, most) * Self.hugePageByteCount, byteCount)
    }

    /// Allows huge pages in every 2 MiB block that is now empty or at least 7/8 resident.
    ///
    /// A huge page in any other block would replace a few small pages. The host's khugepaged makes huge pages
    /// wherever it may, and the memory of a guest that does little would double within a minute.
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
                    // A guest with memory in so many places does not do little.
                    if rest == 0 { return allowHugePages(piece, byteCount) }
                }
            }
        }
        if let begin = start { allowHugePages(begin, byteCount) }
    }

    /// Returns the number of resident pages of each 2 MiB block from `start` on, for one step.
    private func filledPages(from start: Int) -> [Int] {
        let count = min(Self.stepByteCount, byteCount - start) / Self.pageByteCount
        var isThere = [UInt8](repeating: 0, count: count)
        // If mincore(2) fails, the blocks count as empty.
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
    /// The number of bytes that one call of mincore(2) covers.
    private static let stepByteCount = 64 << 20
    /// The largest number of ranges with huge pages. Each is a mapping of its own for the host, of which a
    /// process may have 65,530, and the guest decides how many ranges there are.
    private static let mostPieces = 256
    private static let hugePageByteCount = 2 << 20

    private static func unmap(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
        if byteCount > 0 { unsafe munmap(start, byteCount) }
    }

    deinit {
        unsafe munmap(base, byteCount)
    }
}
