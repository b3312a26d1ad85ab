import CHost
public import Host
import Synchronization
import SystemPackage

/// A disk image or block device of the host, opened and locked for one monitor.
public final class DiskFile: Sendable {
    /// The unit of a virtio disk (Virtio 1.2, 5.2.3).
    public static let sectorByteCount: UInt64 = 512

    let owner: OwnedDescriptor
    let path: String
    let identity: DiskIdentity
    public let byteCount: UInt64
    public let isReadOnly: Bool
    let sectors: DiskSectors
    /// Whether the file system supports RWF_NOWAIT, which fails a read that would wait. The first read finds
    /// out.
    let canRefuseToWait = Atomic<Bool>(true)

    private init(
        _ owner: consuming OwnedDescriptor, _ path: String, _ identity: DiskIdentity, byteCount: UInt64,
        isReadOnly: Bool, sectors: DiskSectors
    ) {
        self.owner = owner
        self.path = path
        self.identity = identity
        self.byteCount = byteCount
        self.isReadOnly = isReadOnly
        self.sectors = sectors
    }

    /// Opens `path` for a machine that already has the disks `others`.
    ///
    /// Several monitors may share a disk if all of them attach it read-only. A writable disk has one user. If
    /// that disk is a block device, the host cannot mount it meanwhile.
    ///
    /// A format that wraps a disk is refused, unless `acceptsAnyContent`: a guest may have written such bytes
    /// itself. `sectorByteCount` is the size of a sector that the guest sees; nil: the size of the device's
    /// sectors, or 512 bytes for an image.
    public static func open(
        _ path: String, readOnly: Bool, acceptsAnyContent: Bool = false, sectorByteCount: UInt32? = nil,
        beside others: [DiskFile] = []
    ) throws(Failure) -> DiskFile {
        let identity = try DiskIdentity(path)
        try refuseSecondUse(of: identity, path, readOnly: readOnly, beside: others)
        let owner = try openDescriptor(path, identity, readOnly: readOnly)
        guard try DiskIdentity(of: owner.rawValue, path) == identity else {
            throw Failure(
                .badInput, "cannot use the disk \(path)", because: "another file has taken its place")
        }
        let byteCount = try size(of: owner.rawValue, identity, path)
        if !acceptsAnyContent { try refuseWrapping(owner.rawValue, byteCount, path) }
        let sectors = try DiskSectors(of: owner.rawValue, identity, logical: sectorByteCount, path)
        guard byteCount > 0, byteCount % UInt64(sectors.logicalByteCount) == 0 else {
            throw badSize(byteCount, sectors, path)
        }
        try lock(owner.rawValue, path, readOnly: readOnly)
        return DiskFile(
            owner, path, identity, byteCount: byteCount, isReadOnly: readOnly, sectors: sectors)
    }

    var descriptor: Int32 { owner.rawValue }
    var sectorCount: UInt64 { byteCount / Self.sectorByteCount }

    private static func size(
        of descriptor: Int32, _ identity: DiskIdentity, _ path: String
    ) throws(Failure) -> UInt64 {
        var (status, byteCount) = (stat(), UInt64(0))
        let isKnown =
            identity.isBlockDevice
            ? unsafe chost_block_device_size(descriptor, &byteCount) == 0
            : unsafe fstat(descriptor, &status) == 0
        guard isKnown else { throw Failure("cannot find the size of the disk \(path)", errno: .current) }
        return identity.isBlockDevice ? byteCount : UInt64(clamping: status.st_size)
    }

    private static func refuseWrapping(
        _ descriptor: Int32, _ byteCount: UInt64, _ path: String
    ) throws(Failure) {
        let head = try piece(of: descriptor, at: 0, path)
        let tail = try piece(of: descriptor, at: byteCount - min(byteCount, sectorByteCount), path)
        guard let format = DiskFormat(head: head, tail: tail) else { return }
        throw Failure(
            .badInput, "cannot use the disk \(path)",
            because: "it is \(format.description), whose content a guest would neither see nor spare",
            cure: "Make a raw disk of it: \(format.conversion(of: path))  (its bytes as they are: "
                + "--disk \(word(path)),format=raw)")
    }

    /// Reads up to 512 bytes of the content.
    private static func piece(
        of descriptor: Int32, at offset: UInt64, _ path: String
    ) throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(sectorByteCount))
        do throws(Errno) {
            // The offset lies within the file, whose size is an off_t.
            let count = try hostCall {
                unsafe bytes.withUnsafeMutableBytes {
                    unsafe pread(descriptor, $0.baseAddress, $0.count, off_t(truncatingIfNeeded: offset))
                }
            }
            return Array(bytes.prefix(count))
        } catch {
            throw Failure("cannot read the disk \(path)", errno: error)
        }
    }

    private static func badSize(_ byteCount: UInt64, _ sectors: DiskSectors, _ path: String) -> Failure {
        let unit = UInt64(sectors.logicalByteCount)
        let whole = byteCount / unit &* unit &+ unit
        return Failure(
            .badInput, "cannot use the disk \(path)",
            because: byteCount == 0
                ? "it is empty" : "its size of \(byteCount) bytes is not a multiple of \(unit)",
            cure: "\(byteCount == 0 ? "Give it a size: truncate -s 1G" : "truncate -s \(whole)") "
                + DiskFormat.quoted(path))
    }
}
