import Glibc
public import Host
import SystemPackage

/// Copies of whole files.
public enum FileCopy {
    /// Copies `source` to `path`, which is made or truncated.
    public static func copy(_ source: String, to path: String, mode: UInt32) throws(Failure) {
        try WholeFile.write([], to: path, mode: mode)
        try append([source], to: path, padding: 1)
    }

    /// Writes `sources` one after another, each padded to a multiple of `padding`.
    public static func concatenate(_ sources: [String], to path: String, padding: Int) throws(Failure) {
        try WholeFile.write([], to: path)
        try append(sources, to: path, padding: padding)
    }

    private static func append(_ sources: [String], to path: String, padding: Int) throws(Failure) {
        let to: FileDescriptor
        do { to = try FileDescriptor.open(FilePath(path), .writeOnly, options: .closeOnExec) } catch {
            throw Failure("cannot write \(path)", errno: error as? Errno ?? .ioError)
        }
        defer { try? to.close() }
        for source in sources {
            do { try append(source, to: to, padding: padding) } catch {
                throw Failure("cannot copy \(source)", errno: error as? Errno ?? .ioError)
            }
        }
    }

    private static func append(_ source: String, to file: FileDescriptor, padding: Int) throws {
        let from = try FileDescriptor.open(FilePath(source), .readOnly, options: .closeOnExec)
        defer { try? from.close() }
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        var byteCount = 0
        while true {
            let count = unsafe try piece.withUnsafeMutableBytes { unsafe try from.read(into: $0) }
            if count == 0 { break }
            try file.writeAll(piece[..<count])
            byteCount += count
        }
        let rest = (padding - byteCount % padding) % padding
        try file.writeAll(repeatElement(0, count: rest))
    }
}

/// The storage that files occupy.
public enum Storage {
    /// Returns the bytes that a file, or a directory with its content, occupies on the disk: blocks, because
    /// files may have holes. Hard links count once.
    public static func byteCount(_ path: String) -> Int {
        var seen: Set<UInt> = []
        return byteCount(path, &seen)
    }

    private static func byteCount(_ path: String, _ seen: inout Set<UInt>) -> Int {
        guard let file = FileStatus(ofLink: path), seen.insert(file.status.st_ino).inserted else { return 0 }
        let own = Int(clamping: file.allocatedByteCount)
        guard file.isDirectory else { return own }
        let names = (try? Files.names(in: path)) ?? []
        return names.reduce(own) { $0 + byteCount(path + "/" + $1, &seen) }
    }
}
