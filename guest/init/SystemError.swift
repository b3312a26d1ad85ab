import CLinux

/// A system call's failure: the value of `errno`.
struct SystemError: Error {
    let code: Int32

    /// The error of the call that failed last.
    static var last: SystemError { SystemError(code: lastError()) }

    /// The C library's sentence for it, such as `No such file or directory`.
    var reason: String { unsafe String(cString: strerror(code)) }
}

/// Turns the kernel's "less than zero means failure" into a thrown error.
@discardableResult
func check(_ result: Int32) throws(SystemError) -> Int32 {
    guard result >= 0 else { throw SystemError.last }
    return result
}
