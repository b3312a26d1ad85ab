import CHost
import SystemPackage

/// Reads and writes of small files as a whole.
public enum WholeFile {
    /// Writes `text` to the file at `path`, which is made or truncated. An error of the close counts too: a
    /// network file system may report only there that it could not store the bytes.
    public static func write(_ text: String, to path: String) throws(Failure) {
        try write(Array(text.utf8), to: path)
    }

    /// Writes `bytes` to the file at `path`, which is made with the access of `mode`, or truncated.
    public static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws(Failure) {
        do throws(Errno) {
            let file = try OwnedDescriptor(replacing: path, mode: mode)
            try Files.write(bytes, to: file.rawValue)
            try file.close()
        } catch {
            throw Failure("cannot write \(path)", errno: error)
        }
    }

    /// Reads all of the file at `path`, whatever its reported size: files of /proc have none. More than
    /// `limit` bytes are a failure.
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

extension OwnedDescriptor {
    /// Makes or truncates a file for writing.
    fileprivate init(replacing path: String, mode: mode_t) throws(Errno) {
        let result = unsafe chost_open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
        guard result >= 0 else { throw Errno(rawValue: -result) }
        self.init(owning: result)
    }
}
