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

    /// All of the file at `path`, whatever its size is said to be: files of /proc have none. More than `limit` bytes are
    /// a failure.
    public static func read(_ path: String, upTo limit: Int) throws(Failure) -> [UInt8] {
        do {
            let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
            let bytes = try file.closeAfter { try read(file, upTo: limit) }
            guard bytes.count <= limit else { throw Errno.fileTooLarge }
            return bytes
        } catch {
            throw Failure("cannot read \(path)", errno: error as? Errno ?? .ioError)
        }
    }

    private static func read(_ file: FileDescriptor, upTo limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let pieceByteCount = 16 << 10
        while bytes.count <= limit {
            let piece = try unsafe [UInt8](unsafeUninitializedCapacity: pieceByteCount) { buffer, count in
                count = try unsafe file.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            if piece.isEmpty { break }
            bytes += piece
        }
        return bytes
    }
}
