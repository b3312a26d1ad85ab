import CLinux

/// Joins parts to one text. Each string interpolation would compile to as much code as this function.
@inline(never)
func text(_ parts: String...) -> String {
    var bytes: [UInt8] = []
    for part in parts { bytes.append(contentsOf: part.utf8) }
    return String(decoding: bytes, as: UTF8.self)
}

/// Throws a failure of the set-up if `result` is negative: what failed, on what, and why.
@inline(never)
func attempt(_ result: Int32, _ what: String, _ subject: String = "") throws(StartFailure) {
    if result < 0 { throw setUpFailure(what, subject, lastError()) }
}

@inline(never)
func setUpFailure(_ what: String, _ subject: String, _ code: Int32) -> StartFailure {
    StartFailure(.setUp, text(what, subject, ": ", SystemError(code: code).reason))
}

/// Opens a directory of the container, and makes it and its parents if they are missing.
func makeDirectories(_ path: String) throws(StartFailure) -> Descriptor {
    do throws(SystemError) {
        return Descriptor(adopting: try ContainerPath.open(path, making: true))
    } catch {
        throw setUpFailure("cannot make the directory ", path, error.code)
    }
}

/// Returns the status of the file at `path`, and does not follow a symbolic link there. Nil if there is no
/// such file.
func status(_ path: String) -> stat? {
    var status = stat()
    return unsafe lstat(path, &status) == 0 ? status : nil
}

/// Returns whether the path names a directory; nil if there is no such file.
func isDirectory(_ path: String) -> Bool? {
    status(path).map { $0.st_mode & mode_t(S_IFMT) == mode_t(S_IFDIR) }
}
