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
        let slack = Self.hugePageByteCount
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard
            let whole = unsafe chost_mmap(
                nil, byteCount + slack, PROT_READ | PROT_WRITE, flags, -1, 0)
        else {
            throw Failure(
                "cannot reserve \(byteCount >> 20) MiB for the guest", errno: .current,
                cure: "Ask for less with --memory, or look at ulimit -v.")
        }
        let before = -Int(bitPattern: whole) & (slack - 1)
        unsafe base = whole + before
        self.byteCount = byteCount
        unsafe Self.unmap(whole, before)
        unsafe Self.unmap(base + byteCount, slack - before)
        unsafe chost_name_mapping(base, byteCount, "guest-ram")
        unsafe madvise(base, byteCount, MADV_DONTDUMP)
        unsafe madvise(base, byteCount, MADV_NOHUGEPAGE)
    }

    /// Lets the host fill the mapping's memory with huge pages from here on, and join what is there already.
    public func allowHugePages() {
        unsafe madvise(base, byteCount, MADV_HUGEPAGE)
    }

    private static let hugePageByteCount = 2 << 20

    private static func unmap(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
        if byteCount > 0 { unsafe munmap(start, byteCount) }
    }

    deinit {
        unsafe munmap(base, byteCount)
    }
}
