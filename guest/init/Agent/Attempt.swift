import CLinux

/// One text from parts. An interpolation is as much code at each of its places as this is in all.
@inline(never)
func text(_ parts: String...) -> String {
    var bytes: [UInt8] = []
    for part in parts { bytes.append(contentsOf: part.utf8) }
    return String(decoding: bytes, as: UTF8.self)
}

/// Turns the kernel's "less than zero means failure" into a failure of the set-up: what failed, on what, and why.
@inline(never)
func attempt(_ result: Int32, _ what: String, _ subject: String = "") throws(StartFailure) {
    if result < 0 { throw setUpFailure(what, subject, lastError()) }
}

@inline(never)
func setUpFailure(_ what: String, _ subject: String, _ code: Int32) -> StartFailure {
    StartFailure(.setUp, text(what, subject, ": ", SystemError(code: code).reason))
}

/// Makes a directory with its parents, as far as they are missing.
func makeDirectories(_ path: String) throws(StartFailure) {
    if unsafe mkdir(path, 0o755) == 0 || lastError() == EEXIST { return }
    let error = SystemError.last
    let bytes = Array(path.utf8)
    guard error.code == ENOENT, let slash = bytes.lastIndex(of: UInt8(ascii: "/")), slash > 0 else {
        throw setUpFailure("cannot make the directory ", path, error.code)
    }
    try makeDirectories(String(decoding: bytes[..<slash], as: UTF8.self))
    try attempt(
        unsafe mkdir(path, 0o755) == 0 || lastError() == EEXIST ? 0 : -1, "cannot make the directory ", path)
}

/// The status of what the path names, not of what a link there leads to; nil where there is nothing.
func status(_ path: String) -> stat? {
    var status = stat()
    return unsafe lstat(path, &status) == 0 ? status : nil
}

/// Whether the path names a directory; nil where there is nothing.
func isDirectory(_ path: String) -> Bool? {
    status(path).map { $0.st_mode & mode_t(S_IFMT) == mode_t(S_IFDIR) }
}
