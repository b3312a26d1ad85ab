import Glibc
import Host
import Layers
import SystemPackage

/// A name of an image. Each is its own file, which is replaced in one step. The file's name is the digest of
/// the image's name, because image names contain slashes and may be longer than file names.
struct NameRecord: Hashable, Sendable {
    /// The version of the format. Version 1 lacks the origin of a name.
    static let version: UInt16 = 2
    static let byteLimit = 64 << 10

    /// `docker.io/library/debian:12`; or the kind of a path, and the absolute path.
    var name: String
    /// The identifier of the image.
    var identifier: String
    /// The stamp of the file at that path when it was read; nil if it cannot be trusted.
    var stamp: SourceStamp?
    /// Whether a registry gave the image this name.
    var isFromRegistry = false

    /// Refuses names that could not be read back.
    static func check(_ names: [NameRecord]) throws(Failure) {
        for name in names where name.fileBytes.count > byteLimit {
            throw Failure(
                .usage, "cannot use the image name \(name.name.brief)", because: "the name is too long")
        }
    }

    static func fileName(of name: String) -> String {
        SHA256.digest(of: Array(name.utf8)).hexadecimal
    }
}

extension NameRecord: ByteValue {
    func write(to writer: inout ByteWriter) {
        writer.u16(Self.version)
        writer.text(name)
        writer.text(identifier)
        writer.flag(stamp != nil)
        stamp?.write(to: &writer)
        writer.flag(isFromRegistry)
    }

    init?(from reader: inout ByteReader) {
        guard let version = reader.u16(), (1...Self.version).contains(version), let name = reader.text(),
            let identifier = reader.text(), let hasStamp = reader.flag()
        else { return nil }
        self.init(name: name, identifier: identifier)
        if hasStamp {
            guard let stamp = SourceStamp(from: &reader) else { return nil }
            self.stamp = stamp
        }
        guard version > 1 else { return }
        guard let isFromRegistry = reader.flag() else { return nil }
        self.isFromRegistry = isFromRegistry
    }
}

/// The identity, size and times of a file, which show whether it has been written to. A write changes the
/// file's ctime, which nobody can set back.
struct SourceStamp: Hashable, Sendable {
    /// A time coarser than the clock of any file system.
    private static let settlingSeconds: Int = 2

    var device: UInt64
    var inode: UInt64
    var byteCount: UInt64
    var modified: UInt64
    var changed: UInt64

    /// Reads the stamp of the file at `path`. Fails if there is no file, or if it was changed so recently
    /// that another change could leave the same times.
    init?(of path: String) {
        guard let facts = FileStatus(of: path) else { return nil }
        let status = facts.status
        guard RealTime.seconds() - status.st_ctim.tv_sec > Self.settlingSeconds else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        byteCount = facts.byteCount
        modified = Self.nanoseconds(status.st_mtim)
        changed = Self.nanoseconds(status.st_ctim)
    }

    private static func nanoseconds(_ time: timespec) -> UInt64 {
        UInt64(bitPattern: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }
}

extension SourceStamp: ByteValue {
    func write(to writer: inout ByteWriter) {
        for number in [device, inode, byteCount, modified, changed] { writer.u64(number) }
    }

    init?(from reader: inout ByteReader) {
        guard let device = reader.u64(), let inode = reader.u64(), let byteCount = reader.u64(),
            let modified = reader.u64(), let changed = reader.u64()
        else { return nil }
        self.device = device
        self.inode = inode
        self.byteCount = byteCount
        self.modified = modified
        self.changed = changed
    }
}

/// The calendar's clock.
enum RealTime {
    /// Reads the time in seconds since 1970.
    static func seconds() -> Int {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return now.tv_sec
    }
}
