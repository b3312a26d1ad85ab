import CHost
import Host
import SystemPackage

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
            throw Failure("cannot look at the disk \(path)", errno: .current)
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
