import CHost
public import Host
import SystemPackage

extension DiskFile {
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
                .badInput, "cannot use the disk \(path)",
                because: "another file replaced it while it was being opened")
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

/// Guards a disk against a second user: the machine itself, the host, or another monitor.
extension DiskFile {
    /// Returns `path` as it is written after --disk, with every comma doubled.
    static func word(_ path: String) -> String {
        path.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
    }

    private static func refuseSecondUse(
        of identity: DiskIdentity, _ path: String, readOnly: Bool, beside others: [DiskFile]
    ) throws(Failure) {
        guard let other = others.first(where: { $0.identity == identity && !($0.isReadOnly && readOnly) })
        else { return }
        throw Failure(
            .usage, "cannot attach the disk \(path) twice",
            because: other.path == path ? "it is named twice" : "\(other.path) is the same disk",
            cure: "Attach it once, or read-only each time: --disk \(word(path)),ro")
    }

    /// Opens a disk. Throws if it is to be written and the device is read-only.
    private static func openDescriptor(
        _ path: String, _ identity: DiskIdentity, readOnly: Bool
    ) throws(Failure) -> OwnedDescriptor {
        let owner = try claim(path, identity, readOnly: readOnly)
        // A read-only device can be opened for writing all the same.
        guard readOnly || !identity.isBlockDevice || chost_block_device_is_read_only(owner.rawValue) != 1
        else {
            throw Failure(
                .notPermitted, "cannot write to the disk \(path)", because: "the device is read-only",
                cure: "Attach it read-only: --disk \(word(path)),ro")
        }
        return owner
    }

    /// Opens a disk. Claims a block device that is to be written with O_EXCL for this monitor alone: opening
    /// it fails if it is mounted or if another program has claimed it.
    private static func claim(
        _ path: String, _ identity: DiskIdentity, readOnly: Bool
    ) throws(Failure) -> OwnedDescriptor {
        let exclusive = identity.isBlockDevice && !readOnly ? O_EXCL : 0
        do throws(Errno) {
            // The flags: opening must not wait if another file has taken this one's place, nor set a
            // controlling terminal.
            return try OwnedDescriptor(
                opening: path, for: readOnly ? .reading : .readingAndWriting,
                flags: O_NONBLOCK | O_NOCTTY | exclusive)
        } catch {
            throw cannotOpen(path, error, readOnly: readOnly)
        }
    }

    private static func cannotOpen(_ path: String, _ error: Errno, readOnly: Bool) -> Failure {
        if [.resourceBusy, .textFileBusy].contains(error) {
            return Failure(
                .inUse, "cannot use the disk \(path)",
                because: "it is mounted on the host, or another monitor or program is using it",
                cure: "Unmount it (see findmnt \(DiskFormat.quoted(path))), or stop the other program.")
        }
        let mayHelp = !readOnly && [.readOnlyFileSystem, .permissionDenied, .notPermitted].contains(error)
        return Failure(
            "cannot open the disk \(path)", errno: error,
            cure: mayHelp ? "Attach it read-only: --disk \(word(path)),ro" : nil)
    }

    /// Locks the disk: against all other monitors, or with `readOnly` only against monitors that would write.
    private static func lock(_ descriptor: Int32, _ path: String, readOnly: Bool) throws(Failure) {
        guard chost_lock_file(descriptor, !readOnly) < 0 else { return }
        let cause = Errno.current
        guard cause == .resourceTemporarilyUnavailable || cause == .permissionDenied else {
            throw Failure("cannot lock the disk \(path)", errno: cause)
        }
        throw Failure(
            .inUse, "cannot use the disk \(path)", because: "another monitor is using it",
            cure: "Stop the other one, or attach the disk read-only to both: --disk \(word(path)),ro")
    }
}

/// The identity of the file or block device at a path, independent of its names.
struct DiskIdentity: Hashable, Sendable {
    let isBlockDevice: Bool
    /// The device's number, or the number of the file system that contains the file.
    let device: UInt64
    /// The file's inode; 0 for a device, which may have several.
    let inode: UInt64

    /// Identifies the file at `path` without opening it: opening alone has effects on some devices.
    init(_ path: String) throws(Failure) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw Failure("cannot open the disk \(path)", errno: .current)
        }
        try self.init(status, path)
    }

    /// Identifies the file of `descriptor`, which was opened at `path`.
    init(of descriptor: Int32, _ path: String) throws(Failure) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw Failure("cannot inspect the disk \(path)", errno: .current)
        }
        try self.init(status, path)
    }

    private init(_ status: stat, _ path: String) throws(Failure) {
        switch Int32(bitPattern: status.st_mode) & S_IFMT {
        case S_IFREG: (isBlockDevice, device, inode) = (false, UInt64(status.st_dev), UInt64(status.st_ino))
        case S_IFBLK: (isBlockDevice, device, inode) = (true, UInt64(status.st_rdev), 0)
        case S_IFDIR: throw Failure("cannot use the disk \(path)", errno: .isDirectory)
        default:
            throw Failure(
                .badInput, "cannot use the disk \(path)",
                because: "it is neither a file nor a block device")
        }
    }
}
