import CHost

/// Returns the calling thread's errno. Inlinable code calls this function because it cannot see CHost.
@usableFromInline
func hostErrno() -> Int32 { chost_errno() }
