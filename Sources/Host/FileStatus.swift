public import Glibc

/// The status of a file, as stat(2) returns it.
public struct FileStatus {
    public let status: stat

    /// Reads the status of the file at `path` and follows symbolic links. Nil if there is no such file.
    public init?(of path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        self.status = status
    }

    /// Reads the status of the entry `path` itself, even if that is a symbolic link (lstat(2)). Nil if there
    /// is no such entry.
    public init?(ofLink path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return nil }
        self.status = status
    }

    public init?(of descriptor: Int32) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        self.status = status
    }

    public var isDirectory: Bool { status.st_mode & S_IFMT == S_IFDIR }
    /// Whether the file can be read only once: a pipe, a FIFO or a socket.
    public var isStream: Bool { [S_IFIFO, S_IFSOCK].contains(status.st_mode & S_IFMT) }
    public var isDevice: Bool { [S_IFCHR, S_IFBLK].contains(status.st_mode & S_IFMT) }
    public var isRegular: Bool { status.st_mode & S_IFMT == S_IFREG }
    /// The number of bytes that the file takes on the disk.
    public var allocatedByteCount: UInt64 {
        UInt64(clamping: status.st_blocks).multipliedReportingOverflow(by: 512).partialValue
    }
    public var byteCount: UInt64 { UInt64(clamping: status.st_size) }
}

/// The identity of a file on this host: two paths or descriptors with the same one mean the same file.
public struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let number: UInt64

    public init?(of path: String) {
        guard let file = FileStatus(of: path) else { return nil }
        self.init(file.status)
    }

    public init?(of descriptor: Int32) {
        guard let file = FileStatus(of: descriptor) else { return nil }
        self.init(file.status)
    }

    private init(_ status: stat) {
        (device, number) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
}
