public import CHost
public import Host
public import Synchronization
import SystemPackage

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
    /// A part of a file that is mapped over RAM. Its pages have content before anybody touches them.
    struct MappedFile: Sendable {
        let range: GuestRange
        let file: FileIdentity?
        let fileOffset: UInt64
    }

    let mapped = Mutex<[MappedFile]>([])

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

/// Copies into and out of guest memory. Numbers are little-endian and may lie at any address.
extension GuestMemory {
    /// Loads a number of 8 to 64 bits. The memory is read exactly once, so that a check of the number holds
    /// whatever the guest writes meanwhile.
    @inlinable
    public func load<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type = Value.self, at address: GuestAddress
    ) throws(GuestMemoryFault) -> Value {
        let source = unsafe try checkedPointer(address, UInt64(MemoryLayout<Value>.size))
        let bits = unsafe chost_load_once(source, MemoryLayout<Value>.size)
        return Value(littleEndian: Value(truncatingIfNeeded: bits))
    }

    @inlinable
    public func store<Value: FixedWidthInteger & BitwiseCopyable>(
        _ value: Value, at address: GuestAddress
    ) throws(GuestMemoryFault) {
        let target = unsafe try checkedPointer(address, UInt64(MemoryLayout<Value>.size))
        unsafe target.storeBytes(of: value.littleEndian, as: Value.self)
    }

    /// Copies bytes from guest memory into `buffer` until it is full.
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, at address: GuestAddress
    ) throws(GuestMemoryFault) {
        let source = unsafe try checkedPointer(address, UInt64(buffer.count))
        unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(start: source, count: buffer.count))
    }

    /// Returns a copy of `count` bytes of guest memory.
    public func bytes(at address: GuestAddress, count: Int) throws(GuestMemoryFault) -> [UInt8] {
        let source = unsafe try checkedPointer(address, UInt64(count))
        return unsafe Array(UnsafeRawBufferPointer(start: source, count: count))
    }

    /// Copies into the guest, all of `bytes`.
    public func write(_ bytes: UnsafeRawBufferPointer, at address: GuestAddress) throws(GuestMemoryFault) {
        guard unsafe !bytes.isEmpty else { return }
        let target = unsafe try checkedPointer(address, UInt64(bytes.count))
        unsafe UnsafeMutableRawBufferPointer(start: target, count: bytes.count).copyMemory(from: bytes)
    }

    /// Copies into the guest, all of `bytes`.
    public func write(_ bytes: [UInt8], at address: GuestAddress) throws(GuestMemoryFault) {
        let target = unsafe try checkedPointer(address, UInt64(bytes.count))
        unsafe target.copyMemory(from: bytes, byteCount: bytes.count)
    }

    /// Sets `range` to zeroes.
    public func zero(_ range: GuestRange) throws(GuestMemoryFault) {
        let target = unsafe try checkedPointer(range.start, range.byteCount)
        unsafe target.initializeMemory(as: UInt8.self, repeating: 0, count: Int(range.byteCount))
    }

    /// Returns the `iovec` of `range`, by which the kernel reads or writes RAM (readv(2), writev(2)). The
    /// monitor itself never accesses RAM through it.
    @inlinable
    public func vector(_ range: GuestRange) throws(GuestMemoryFault) -> iovec {
        let base = unsafe try checkedPointer(range.start, range.byteCount)
        return unsafe iovec(iov_base: base, iov_len: Int(range.byteCount))
    }
}

/// Ring indices, which one side writes while the other reads them (Virtio 1.2, 2.7.13 "Driver/Device memory
/// barriers").
extension GuestMemory {
    /// Loads a 16-bit index with acquire ordering: the reads after it see all that the driver wrote before it
    /// stored the index. Pairs with the driver's write barrier. An odd address is a fault.
    @inlinable
    public func loadAcquiring(at address: GuestAddress) throws(GuestMemoryFault) -> UInt16 {
        let atomic = unsafe try atomicPointer(address)
        return UInt16(littleEndian: unsafe atomic.pointee.load(ordering: .acquiring))
    }

    /// Stores a 16-bit index with release ordering: a driver that reads the index sees all that the device
    /// wrote before. Pairs with the driver's read barrier. An odd address is a fault.
    @inlinable
    public func storeReleasing(_ value: UInt16, at address: GuestAddress) throws(GuestMemoryFault) {
        let atomic = unsafe try atomicPointer(address)
        unsafe atomic.pointee.store(value.littleEndian, ordering: .releasing)
    }

    @inlinable
    func atomicPointer(
        _ address: GuestAddress
    ) throws(GuestMemoryFault) -> UnsafeMutablePointer<Atomic<UInt16>> {
        guard address.rawValue & 1 == 0 else {
            throw GuestMemoryFault(GuestRange(start: address, byteCount: 2))
        }
        return unsafe try checkedPointer(address, 2).assumingMemoryBound(to: Atomic<UInt16>.self)
    }
}

/// Loading and mapping of files into the guest's RAM.
extension GuestMemory {
    /// Maps a part of a file over RAM, private and copied on write: pages that the guest only reads stay
    /// shared with the page cache. `fileOffset` and the start and size of `range` are multiples of 4,096.
    ///
    /// The file must cover the whole range for as long as the guest runs: after a truncation, an access to a
    /// page that is gone raises SIGBUS.
    public func map(
        _ descriptor: Int32, fileOffset: UInt64, over range: GuestRange
    ) throws(Failure) {
        guard let target = unsafe pointer(range.start, range.byteCount) else {
            throw Failure(.software, "cannot map a file at \(range.start)", because: "there is no RAM")
        }
        let flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE
        let place = unsafe chost_mmap(
            target, Int(range.byteCount), PROT_READ | PROT_WRITE, flags, descriptor, off_t(fileOffset))
        guard unsafe place != nil else {
            throw Failure("cannot map a file into guest memory", errno: .current)
        }
        let part = MappedFile(range: range, file: FileIdentity(of: descriptor), fileOffset: fileOffset)
        mapped.withLock { $0.append(part) }
    }

    /// Keeps RAM out of core dumps again, after files were mapped over it.
    public func excludeFromCoreDumps() {
        mapping.excludeFromCoreDumps()
    }

    /// Fills `range` from a file, as pread(2) does. Throws a failure with the host's errno, or with
    /// `.ioError` if the file ends first.
    public func fill(_ range: GuestRange, from descriptor: Int32, fileOffset: UInt64) throws(Failure) {
        guard let target = unsafe pointer(range.start, range.byteCount) else {
            throw Failure(.software, "cannot load a file at \(range.start)", because: "there is no RAM")
        }
        var done: UInt64 = 0
        while done < range.byteCount {
            let at = unsafe target + Int(done)
            let count = unsafe pread(
                descriptor, at, Int(range.byteCount &- done), off_t(fileOffset &+ done))
            if count < 0, Errno.current == .interrupted { continue }
            guard count > 0 else {
                throw Failure("cannot read a file into guest memory", errno: count < 0 ? .current : .ioError)
            }
            done &+= UInt64(count)
        }
    }
}
