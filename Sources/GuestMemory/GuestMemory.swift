public import Host

/// The guest touched an address where it has no RAM.
public struct GuestMemoryFault: Error, Hashable, Sendable {
    public let range: GuestRange

    @inlinable
    public init(_ range: GuestRange) {
        self.range = range
    }
}

/// The guest's RAM, and the only door to it.
///
/// RAM lies from 0 up to the hole below 4 GiB and goes on above it. It changes under our hands: whatever is read here
/// is a copy, taken once; no pointer, span or view of live RAM leaves this type except the `iovec`s that are handed to
/// the kernel. Every access is checked against the RAM that there is; a bad one throws and touches nothing.
public final class GuestMemory: Sendable {
    /// A contiguous piece of RAM.
    @safe
    public struct Region: Sendable {
        public let range: GuestRange
        /// Where the monitor sees it: for KVM_SET_USER_MEMORY_REGION, for a loader before the guest runs, and for
        /// nothing else outside this room.
        public nonisolated(unsafe) let hostBase: UnsafeMutableRawPointer
    }

    public static let pageByteCount: UInt64 = 4096
    /// The 3 GiB mark at which RAM makes room for devices (MMIO, IOAPIC, LAPIC, firmware)...
    public static let holeStart: UInt64 = 0xC000_0000
    /// ... until 4 GiB, where it goes on.
    public static let holeEnd: UInt64 = 0x1_0000_0000

    /// The size of all RAM in bytes.
    public let byteCount: UInt64
    /// RAM below the hole; there always is some.
    public let low: Region
    /// RAM from 4 GiB on, when there is more than fits below the hole.
    public let high: Region?
    private let mapping: MappedRegion

    /// Reserves `byteCount` bytes of RAM (a multiple of 4,096, at least one page); pages are filled as they are touched.
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

    /// Lets RAM come in huge pages from here on, where the host has them, except where a little of 2 MiB was touched before.
    ///
    /// Not from the start: a kernel touches a few bytes here and there while it boots, and to clear 2 MiB for each of them
    /// takes longer than the faults that it saves, and costs a small guest half again its memory. What runs later wants
    /// the fewer faults and the shorter page walks; what was touched a little by then may have filled up later still.
    public func allowHugePages() {
        mapping.allowHugePagesWhereTheyPay()
    }

    /// The same from the start for the end of RAM, which a booting Linux fills without a gap: it makes 64 bytes of each page
    /// known to itself there, next to what else it sets up early.
    public func allowHugePagesAtEnd() {
        let pageStructures = byteCount / (Self.pageByteCount / 64)
        // One more for what else there is. The mapping knows when that is more than it has.
        let count = (pageStructures + Self.hugePageByteCount - 1) / Self.hugePageByteCount + 1
        mapping.allowHugePages(last: Int(truncatingIfNeeded: count))
    }

    private static let hugePageByteCount: UInt64 = 2 << 20

    /// Whether every byte of `range` is RAM of one region.
    @inlinable
    public func contains(_ range: GuestRange) -> Bool {
        unsafe pointer(range.start, range.byteCount) != nil
    }

    /// The host's view of `byteCount` bytes at `address`, or nil unless all of them are RAM of one region.
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
