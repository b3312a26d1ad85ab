import CHost

/// The calling thread's errno, outside the inlinable code that may not see CHost.
@usableFromInline
func hostErrno() -> Int32 { chost_errno() }
