import CHost
import CMeasure
import Containers
import EROFS
public import Host
public import Images
import Layers
import SystemPackage

/// Writes an image's files to a directory of this host, from which container runtimes start.
///
/// The image may be hostile. Every file is created anew and no link is followed: a file that exists already
/// is an error, and so is a symbolic link in the place of a directory.
public enum ImageTree {
    public static func write(_ image: Image, to directory: String) throws(Failure) {
        let reader = try ErofsReader(files: image.files)
        // The caller has made the root. Further hard links are made to the first name of a file.
        var first: [UInt64: String] = [:]
        var times: [(path: String, entry: ErofsEntry)] = []
        try reader.walk { (entry, pieces) throws(Failure) in
            let path = directory + String(decoding: entry.path, as: UTF8.self)
            do throws(Errno) {
                if let known = first[entry.inodeNumber], entry.kind != S_IFDIR {
                    try check(unsafe link(known, path))
                    return
                }
                if entry.linkCount > 1, entry.kind != S_IFDIR { first[entry.inodeNumber] = path }
                try make(entry, path, isRoot: entry.path.isEmpty)
            } catch { throw Failure("cannot make \(path) of the image", errno: error) }
            if entry.kind == S_IFREG { try fill(path, entry, pieces) }
            if let problem = describe(path, entry) {
                throw Failure("cannot give \(path) what the image says of it", errno: problem)
            }
            if entry.kind == S_IFDIR { times.append((path, entry)) }
        }
        // Set the times of directories last: adding a file changes them.
        for (path, entry) in times.reversed() { setTime(path, entry) }
    }

    private static func check(_ result: Int32) throws(Errno) {
        if result < 0 { throw .current }
    }

    private static func make(_ entry: ErofsEntry, _ path: String, isRoot: Bool) throws(Errno) {
        switch entry.kind {
        case S_IFDIR: if !isRoot { try check(unsafe mkdir(path, 0o700)) }
        case S_IFLNK:
            try check(unsafe symlink(String(decoding: entry.target ?? [], as: UTF8.self), path))
        case S_IFREG:
            let file = unsafe chost_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
            if file < 0 { throw Errno(rawValue: -file) }
            close(file)
        default:
            try check(unsafe cmeasure_make_node(path, UInt32(entry.mode), entry.major, entry.minor))
        }
    }

    private static func fill(
        _ path: String, _ entry: ErofsEntry, _ pieces: ErofsReader.Pieces
    ) throws(Failure) {
        let file = unsafe chost_open(path, O_WRONLY | O_NOFOLLOW, 0)
        guard file >= 0 else { throw Failure("cannot write \(path)", errno: Errno(rawValue: -file)) }
        defer { close(file) }
        guard let size = Int(exactly: entry.byteCount), ftruncate(file, size) == 0 else {
            throw Failure("cannot write \(path)", errno: .current)
        }
        try pieces.read { (piece) throws(Failure) in
            switch piece {
            case .hole(let byteCount): lseek(file, Int(clamping: byteCount), SEEK_CUR)
            case .bytes(let bytes):
                do {
                    _ = unsafe try FileDescriptor(rawValue: file).writeAll(bytes)
                } catch { throw Failure("cannot write \(path)", errno: error as? Errno ?? .ioError) }
            }
        }
    }

    /// Sets owner, mode, attributes and time of a file. The owner comes first, because chown(2) may clear
    /// mode bits. Attributes that the file system does not support are left out.
    private static func describe(_ path: String, _ entry: ErofsEntry) -> Errno? {
        if unsafe lchown(path, entry.userID, entry.groupID) < 0 { return .current }
        if entry.kind != S_IFLNK, unsafe chmod(path, mode_t(entry.mode & 0o7777)) < 0 { return .current }
        for attribute in entry.attributes {
            let name = String(decoding: attribute.name, as: UTF8.self)
            _ = unsafe attribute.value.withUnsafeBytes { value in
                unsafe cmeasure_set_attribute(path, name, value.baseAddress, value.count)
            }
        }
        setTime(path, entry)
        return nil
    }

    private static func setTime(_ path: String, _ entry: ErofsEntry) {
        let time = timespec(
            tv_sec: Int(clamping: entry.seconds), tv_nsec: Int(entry.nanoseconds % 1_000_000_000))
        let both = [time, time]
        _ = unsafe both.withUnsafeBufferPointer {
            unsafe utimensat(AT_FDCWD, path, $0.baseAddress, AT_SYMLINK_NOFOLLOW)
        }
    }
}

extension ErofsEntry {
    /// The file type: S_IFREG, S_IFDIR and so on.
    fileprivate var kind: Int32 { Int32(mode) & S_IFMT }
}
