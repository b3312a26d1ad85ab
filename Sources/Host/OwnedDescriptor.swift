import CHost
public import SystemPackage

/// The only owner of a file descriptor: it closes it when its life ends.
public struct OwnedDescriptor: ~Copyable, Sendable {
    /// The number, to lend to a system call; it must not outlive the owner.
    public let rawValue: Int32

    /// Takes over `rawValue`, which must be open and owned by nobody else.
    public init(owning rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// What a file is opened for.
    public enum Access: Sendable {
        case reading, readingAndWriting
    }

    /// Opens a file that is there; always close-on-exec. `flags` are further flags of open(2).
    public init(opening path: String, for access: Access, flags: Int32 = 0) throws(Errno) {
        let mode = access == .reading ? O_RDONLY : O_RDWR
        let result = unsafe chost_open(path, mode | flags, 0)
        guard result >= 0 else { throw Errno(rawValue: -result) }
        self.rawValue = result
    }

    deinit {
        _ = close(rawValue)
    }

    /// Has the kernel close the file after the process has ended, and not while it ends: for a file whose last close waits for
    /// something. Returns whether it will; where it will not, the file closes as ever.
    ///
    /// One file at a time for all who share the file of `guardian`, which is locked until then: the kernel has one worker for all
    /// such files of the host, which closes one after the other, and they must not queue there. Where io_uring(7) is
    /// forbidden, there is none.
    @discardableResult
    public borrowing func closeAfterProcess(guardedBy guardian: borrowing OwnedDescriptor) -> Bool {
        chost_close_after_process(rawValue, guardian.rawValue)
    }

    /// Gives the number away: the caller closes it.
    public consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }
}

/// Makes a system call until it is not interrupted; a negative result becomes its errno.
@inlinable
public func hostCall<Result: SignedInteger>(_ body: () -> Result) throws(Errno) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let cause = Errno.current
        if cause != .interrupted { throw cause }
    }
}

extension Errno {
    /// The calling thread's errno.
    public static var current: Errno { Errno(rawValue: hostErrno()) }
}
