import CHost
public import Host
import Synchronization
import SystemPackage

/// A disk image or block device of the host, opened and locked for one monitor.
public final class DiskFile: Sendable {
    /// The unit of a virtio disk (Virtio 1.2, 5.2.3).
    public static let sectorByteCount: UInt64 = 512

    let owner: OwnedDescriptor
    public let byteCount: UInt64
    public let isReadOnly: Bool
    /// Whether the file system can say "this read would wait" (RWF_NOWAIT); found out by the first read.
    let canRefuseToWait = Atomic<Bool>(true)

    private init(_ owner: consuming OwnedDescriptor, byteCount: UInt64, isReadOnly: Bool) {
        self.owner = owner
        self.byteCount = byteCount
        self.isReadOnly = isReadOnly
    }

    /// Opens `path`. Several monitors may share a disk that all of them attach read-only; a writable disk has one user.
    public static func open(_ path: String, readOnly: Bool) throws(Failure) -> DiskFile {
        let owner = try openDescriptor(path, readOnly: readOnly)
        let byteCount = try size(of: owner.rawValue, path)
        guard byteCount > 0, byteCount % sectorByteCount == 0 else { throw badSize(byteCount, path) }
        try lock(owner.rawValue, path, readOnly: readOnly)
        return DiskFile(owner, byteCount: byteCount, isReadOnly: readOnly)
    }

    var descriptor: Int32 { owner.rawValue }
    var sectorCount: UInt64 { byteCount / Self.sectorByteCount }

    private static func openDescriptor(
        _ path: String, readOnly: Bool
    ) throws(Failure) -> OwnedDescriptor {
        // Not to be held up by a FIFO, nor given a controlling terminal, before we know what it is.
        let flags = O_NONBLOCK | O_NOCTTY
        do throws(Errno) {
            return try OwnedDescriptor(
                opening: path, for: readOnly ? .reading : .readingAndWriting, flags: flags)
        } catch {
            let mayHelp =
                !readOnly && [.readOnlyFileSystem, .permissionDenied, .notPermitted].contains(error)
            throw Failure(
                "cannot open the disk \(path)", errno: error,
                cure: mayHelp ? "Attach it read-only: --disk \(path),ro" : nil)
        }
    }

    private static func size(of descriptor: Int32, _ path: String) throws(Failure) -> UInt64 {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw Failure("cannot look at the disk \(path)", errno: .current)
        }
        switch Int32(bitPattern: status.st_mode) & S_IFMT {
        case S_IFREG: return UInt64(status.st_size)
        case S_IFBLK: return try blockDeviceSize(descriptor, path)
        case S_IFDIR: throw Failure("cannot use the disk \(path)", errno: .isDirectory)
        default: throw Failure(.missingInput, "cannot use the disk \(path)", because: notADisk)
        }
    }

    private static let notADisk = "it is neither a file nor a block device"

    private static func blockDeviceSize(_ descriptor: Int32, _ path: String) throws(Failure) -> UInt64 {
        var byteCount: UInt64 = 0
        guard unsafe chost_block_device_size(descriptor, &byteCount) == 0 else {
            throw Failure("cannot find the size of the disk \(path)", errno: .current)
        }
        return byteCount
    }

    private static func badSize(_ byteCount: UInt64, _ path: String) -> Failure {
        let whole = byteCount / sectorByteCount * sectorByteCount + sectorByteCount
        return Failure(
            .badInput, "cannot use the disk \(path)",
            because: byteCount == 0
                ? "it is empty" : "its size of \(byteCount) bytes is not a multiple of \(sectorByteCount)",
            cure: byteCount == 0 ? "Give it a size: truncate -s 1G \(path)" : "truncate -s \(whole) \(path)")
    }

    private static func lock(_ descriptor: Int32, _ path: String, readOnly: Bool) throws(Failure) {
        guard chost_lock_file(descriptor, !readOnly) < 0 else { return }
        let cause = Errno.current
        guard cause == .resourceTemporarilyUnavailable || cause == .permissionDenied else {
            throw Failure("cannot lock the disk \(path)", errno: cause)
        }
        throw Failure(
            .unavailable, "cannot use the disk \(path)", because: "another monitor is using it",
            cure: "Stop the other one, or attach the disk read-only to both: --disk \(path),ro")
    }
}
