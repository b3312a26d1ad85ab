import CHost
public import SystemPackage

/// Repeats a system call until it is not interrupted, and throws its errno if the result is negative.
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

/// Returns the calling thread's errno. Inlinable code calls this function because it cannot see CHost.
@usableFromInline
func hostErrno() -> Int32 { chost_errno() }

/// Waits until `descriptor` is writable or has an error. Returns false if `milliseconds` pass first (-1: no
/// limit). Needed even for blocking descriptors, because another process that shares one may have set
/// O_NONBLOCK.
public func waitUntilWritable(_ descriptor: Int32, milliseconds: Int32 = -1) -> Bool {
    var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    while true {
        let count = unsafe poll(&polled, 1, milliseconds)
        if count >= 0 || Errno.current != .interrupted { return count != 0 }
    }
}
