import CLinux

/// The failure of a system call: the value of `errno`.
struct SystemError: Error {
    let code: Int32

    /// The error of the call that failed last.
    static var last: SystemError { SystemError(code: lastError()) }

    /// The C library's text for the error, such as `No such file or directory`.
    var reason: String { unsafe String(cString: strerror(code)) }
}

/// Throws the error of a call whose result is negative; otherwise returns the result.
@discardableResult
func check(_ result: Int32) throws(SystemError) -> Int32 {
    guard result >= 0 else { throw SystemError.last }
    return result
}
