import SystemPackage

/// Small files, written whole.
public enum WholeFile {
    /// Makes or replaces the file at `path`.
    public static func write(_ text: String, to path: String) throws(Failure) {
        do {
            let file = try FileDescriptor.open(
                FilePath(path), .writeOnly, options: [.create, .truncate, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
            try file.closeAfter { _ = try file.writeAll(text.utf8) }
        } catch {
            throw Failure("cannot write \(path)", errno: error as? Errno ?? .ioError)
        }
    }
}
