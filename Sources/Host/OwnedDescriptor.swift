import CHost
public import SystemPackage

/// The only owner of a file descriptor, which is closed in `deinit`.
public struct OwnedDescriptor: ~Copyable, Sendable {
    /// The descriptor's number, for system calls; it must not outlive the owner.
    public let rawValue: Int32

    /// Takes over `rawValue`, which must be open and owned by nobody else.
    public init(owning rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The access for which a file is opened.
    public enum Access: Sendable {
        case reading, readingAndWriting
    }

    /// Opens an existing file, close-on-exec. `flags` are further flags of open(2).
    public init(opening path: String, for access: Access, flags: Int32 = 0) throws(Errno) {
        let mode = access == .reading ? O_RDONLY : O_RDWR
        let result = unsafe chost_open(path, mode | flags, 0)
        guard result >= 0 else { throw Errno(rawValue: -result) }
        self.rawValue = result
    }

    /// O_PATH, which glibc declares only with _GNU_SOURCE: the file is not opened for reading, so neither its
    /// permissions nor its kind matter.
    public static let pathOnly: Int32 = 0o10_000_000

    /// Opens the existing file `path` below the directory `directory` for reading, close-on-exec. `flags` are
    /// further flags of open(2).
    ///
    /// Throws `.improperLink` if a symbolic link on the way leads out of the directory (openat2(2),
    /// RESOLVE_BENEATH).
    public init(opening path: String, beneath directory: String, flags: Int32 = 0) throws(Errno) {
        let parent = try OwnedDescriptor(
            opening: directory, for: .reading, flags: Self.pathOnly | O_DIRECTORY)
        let result = unsafe chost_open_beneath(parent.rawValue, path, O_RDONLY | flags)
        guard result >= 0 else { throw Errno(rawValue: -result) }
        self.rawValue = result
    }

    deinit {
        _ = CHost.close(rawValue)
    }

    /// Closes the descriptor. Throws the error of close(2), which `deinit` ignores. The descriptor is closed
    /// in any case, also after EINTR.
    public consuming func close() throws(Errno) {
        let number = release()
        guard CHost.close(number) != 0, Errno.current != .interrupted else { return }
        throw .current
    }

    /// Makes the kernel close the file after the process has ended instead of during its exit: for a file
    /// whose last close waits for something. Returns false if the file will be closed normally instead.
    ///
    /// Only one file at a time is closed this way among all processes that open the file of `guardian`, which
    /// stays locked until the close: a single worker of the host's kernel closes all such files one after
    /// another, and they must not queue there. If io_uring(7) is forbidden, there is no such worker.
    @discardableResult
    public borrowing func closeAfterProcess(guardedBy guardian: borrowing OwnedDescriptor) -> Bool {
        chost_close_after_process(rawValue, guardian.rawValue)
    }

    /// Gives up the ownership and returns the number, which the caller closes.
    public consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }
}
