public import Host

/// An error: a range of guest addresses is not wholly RAM.
public struct GuestMemoryFault: Error, Hashable, Sendable {
    public let range: GuestRange

    @inlinable
    public init(_ range: GuestRange) {
        self.range = range
    }
}

/// The guest's RAM. Every access to it goes through this type.
///
/// RAM lies from 0 up to the hole below 4 GiB and goes on above 4 GiB. The guest may change RAM at any time,
/// so every read copies the bytes once; no pointer, span or view of RAM leaves this type except the `iovec`s
/// for the kernel. Every access is checked against the regions of RAM; a bad access throws and touches
/// nothing.
public final class GuestMemory: Sendable {
    /// A contiguous range of RAM.
    @safe
    public struct Region: Sendable {
        public let range: GuestRange
        /// The region's address in the monitor: for KVM_SET_USER_MEMORY_REGION, for a loader before the guest
        /// runs, and for no other use outside this module.
        public nonisolated(unsafe) let hostBase: UnsafeMutableRawPointer
    }

    public static let pageByteCount: UInt64 = 4096
    /// The start of the hole for devices (MMIO, IOAPIC, LAPIC, firmware): 3 GiB.
    public static let holeStart: UInt64 = 0xC000_0000
    /// The end of the hole, from which RAM goes on: 4 GiB.
    public static let holeEnd: UInt64 = 0x1_0000_0000

    /// The size of all RAM in bytes.
    public let byteCount: UInt64
    /// The RAM below the hole, which is never empty.
    public let low: Region
    /// The RAM from 4 GiB on, or nil if all RAM fits below the hole.
    public let high: Region?
    private let mapping: MappedRegion

    /// Reserves `byteCount` bytes of RAM: a multiple of 4,096, at least one page. The host allocates a page
    /// at the guest's first access to it.
    public init(byteCount: UInt64) throws(Failure) {
        guard byteCount > 0, byteCount % Self.pageByteCount == 0, let length = Int(exactly: byteCount) else {
            throw Failure(
                .usage, "cannot make \(byteCount) bytes of guest memory",
                because: "it must be a positive multiple of \(Self.pageByteCount)")
        }
        mapping = try MappedRegion(guestRAM: length)
        let base = unsafe mapping.base
        let lowCount = min(byteCount, Self.holeStart)
        self.byteCount = byteCount
        low = unsafe Region(
            range: GuestRange(start: GuestAddress(0), byteCount: lowCount), hostBase: base)
        high =
            byteCount == lowCount
            ? nil
            : unsafe Region(
                range: GuestRange(start: GuestAddress(Self.holeEnd), byteCount: byteCount &- lowCount),
                hostBase: base + Int(lowCount))
    }

    /// Allows huge pages of the host for RAM from now on, except in each 2 MiB block that is resident only in
    /// small part.
    ///
    /// Huge pages are not allowed from the start. A booting kernel touches a few bytes here and there. To
    /// clear 2 MiB for each of them takes longer than the faults that it saves, and makes a small guest take
    /// half again its memory. The programs that run later profit from fewer faults and shorter page walks. A
    /// block that was sparse at this call may still fill up later.
    public func allowHugePages() {
        mapping.allowHugePagesWhereTheyPay()
    }

    /// Allows huge pages at the end of RAM from the start. A booting Linux fills that part without a gap: it
    /// places 64 bytes for each page of RAM there, and other early structures next to them.
    public func allowHugePagesAtEnd() {
        let pageStructures = byteCount / (Self.pageByteCount / 64)
        // One more block holds the other early structures. The mapping clamps a count that is too large.
        let count = (pageStructures + Self.hugePageByteCount - 1) / Self.hugePageByteCount + 1
        mapping.allowHugePages(last: Int(truncatingIfNeeded: count))
    }

    private static let hugePageByteCount: UInt64 = 2 << 20

    /// Whether every byte of `range` is RAM of one region.
    @inlinable
    public func contains(_ range: GuestRange) -> Bool {
        unsafe pointer(range.start, range.byteCount) != nil
    }

    /// Returns the host's pointer to `byteCount` bytes at `address`, or nil unless all of them are RAM of one
    /// region.
    @inlinable
    func pointer(_ address: GuestAddress, _ byteCount: UInt64) -> UnsafeMutableRawPointer? {
        if let found = unsafe low.pointer(address, byteCount) { return unsafe found }
        guard let high else { return nil }
        return unsafe high.pointer(address, byteCount)
    }

    @inlinable
    func checkedPointer(
        _ address: GuestAddress, _ byteCount: UInt64
    ) throws(GuestMemoryFault) -> UnsafeMutableRawPointer {
        guard let found = unsafe pointer(address, byteCount) else {
            throw GuestMemoryFault(GuestRange(start: address, byteCount: byteCount))
        }
        return unsafe found
    }
}

extension GuestMemory.Region {
    @inlinable
    func pointer(_ address: GuestAddress, _ byteCount: UInt64) -> UnsafeMutableRawPointer? {
        let (offset, below) = address.rawValue.subtractingReportingOverflow(range.start.rawValue)
        guard !below, offset <= range.byteCount, byteCount <= range.byteCount &- offset else { return nil }
        // Both are below the mapping's length, which is an Int.
        return unsafe hostBase + Int(truncatingIfNeeded: offset)
    }
}
