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

/// Opens a directory of the container; with its parents it is made as far as it is missing.
func makeDirectories(_ path: String) throws(StartFailure) -> Descriptor {
    do throws(SystemError) {
        return Descriptor(adopting: try ContainerPath.open(path, making: true))
    } catch {
        throw setUpFailure("cannot make the directory ", path, error.code)
    }
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
