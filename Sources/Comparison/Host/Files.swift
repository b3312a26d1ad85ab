import CHost
import CMeasure
import Host
import SystemPackage

/// Operations on files and directories of the host.
enum Files {
    /// Reads a small file; returns nil if it cannot be opened.
    static func text(_ path: String, limit: Int = 1 << 20) -> String? {
        bytes(path, limit: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Reads the beginning of a file; returns nil if it cannot be opened.
    static func bytes(_ path: String, limit: Int) -> [UInt8]? {
        guard let file = try? FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec) else {
            return nil
        }
        return bytes(of: file, limit: limit)
    }

    /// Reads a file of an image whose root is the directory `root`; returns nil unless it is a regular file.
    /// Symbolic links are resolved within that root, never to the host's files.
    static func text(_ path: String, in root: String, limit: Int = 1 << 20) -> String? {
        let number = unsafe cmeasure_open_in_root(root, path)
        guard number >= 0 else { return nil }
        return bytes(of: FileDescriptor(rawValue: number), limit: limit).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// Reads the beginning of `file` and closes it.
    private static func bytes(of file: FileDescriptor, limit: Int) -> [UInt8]? {
        defer { try? file.close() }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while bytes.count < limit {
            guard let count = unsafe try? piece.withUnsafeMutableBytes({ unsafe try file.read(into: $0) }),
                count > 0
            else { break }
            bytes += piece[..<count]
        }
        return bytes
    }

    /// Returns the first number in a file of the kernel's.
    static func number(_ path: String) -> UInt64? {
        text(path).flatMap { UInt64($0.split(whereSeparator: \.isWhitespace).first ?? "") }
    }

    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644) throws(Failure) {
        let number = unsafe chost_open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
        guard number >= 0 else { throw Failure("cannot write \(path)", errno: Errno(rawValue: -number)) }
        let file = FileDescriptor(rawValue: number)
        do { try file.closeAfter { _ = try file.writeAll(bytes) } } catch {
            throw Failure("cannot write \(path)", errno: error as? Errno ?? .ioError)
        }
    }

    static func write(_ text: String, to path: String) throws(Failure) {
        try write(Array(text.utf8), to: path)
    }

    static func copy(_ source: String, to path: String, mode: mode_t) throws(Failure) {
        try write([], to: path, mode: mode)
        let to = unsafe chost_open(path, O_WRONLY, 0)
        guard to >= 0 else { throw Failure("cannot write \(path)", errno: Errno(rawValue: -to)) }
        defer { close(to) }
        try append(source, to: FileDescriptor(rawValue: to))
    }

    /// Writes `sources` one after another, each padded to a multiple of `padding`.
    static func concatenate(_ sources: [String], to path: String, padding: Int) throws(Failure) {
        try write([], to: path)
        var offset = 0
        for source in sources {
            let to = unsafe chost_open(path, O_WRONLY, 0)
            guard to >= 0 else { throw Failure("cannot write \(path)", errno: Errno(rawValue: -to)) }
            defer { close(to) }
            lseek(to, offset, SEEK_SET)
            try append(source, to: FileDescriptor(rawValue: to))
            offset += (byteCount(source) + padding - 1) / padding * padding
        }
        guard unsafe truncate(path, offset) == 0 else {
            throw Failure("cannot write \(path)", errno: .current)
        }
    }

    private static func append(_ source: String, to file: FileDescriptor) throws(Failure) {
        do {
            let from = try FileDescriptor.open(FilePath(source), .readOnly, options: .closeOnExec)
            defer { try? from.close() }
            var piece = [UInt8](repeating: 0, count: 1 << 20)
            while true {
                let count = unsafe try piece.withUnsafeMutableBytes { unsafe try from.read(into: $0) }
                if count == 0 { break }
                try file.writeAll(piece[..<count])
            }
        } catch { throw Failure("cannot copy \(source)", errno: error as? Errno ?? .ioError) }
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }
    static func isExecutable(_ path: String) -> Bool {
        unsafe isFile(path) && access(path, X_OK) == 0
    }
    static func isFile(_ path: String) -> Bool { status(path)?.kind == S_IFREG }
    static func isDirectory(_ path: String) -> Bool { status(path)?.kind == S_IFDIR }
    static func isDevice(_ path: String) -> Bool {
        status(path).map { $0.kind == S_IFCHR || $0.kind == S_IFBLK } ?? false
    }
    static func byteCount(_ path: String) -> Int { status(path).map { Int($0.st_size) } ?? 0 }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status : nil
    }

    /// Returns the sorted names in a directory, without `.` and `..`; none if there is no such directory.
    static func names(in path: String) -> [String] {
        guard let directory = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Makes a directory and all missing parents.
    static func makeDirectory(_ path: String) throws(Failure) {
        if unsafe mkdir(path, 0o755) == 0 || isDirectory(path) { return }
        let cause = Errno.current
        let parent = FilePath(path).removingLastComponent().string
        guard cause == .noSuchFileOrDirectory, !parent.isEmpty, parent != path else {
            throw Failure("cannot make the directory \(path)", errno: cause)
        }
        try makeDirectory(parent)
        guard unsafe mkdir(path, 0o755) == 0 || isDirectory(path) else {
            throw Failure("cannot make the directory \(path)", errno: .current)
        }
    }

    /// Removes `path` and everything in it that is on the same file system.
    static func remove(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        remove(path, status, device: status.st_dev)
    }

    private static func remove(_ path: String, _ status: stat, device: dev_t) {
        guard status.st_dev == device else { return }
        guard status.kind == S_IFDIR else {
            unsafe unlink(path)
            return
        }
        for name in names(in: path) {
            let inner = path + "/" + name
            var found = stat()
            if unsafe lstat(inner, &found) == 0 { remove(inner, found, device: device) }
        }
        unsafe rmdir(path)
    }

    /// Returns the storage that a directory occupies; hard links count once.
    static func allocatedByteCount(_ path: String) -> Int {
        var seen: Set<ino_t> = []
        return allocatedByteCount(path, &seen)
    }

    private static func allocatedByteCount(_ path: String, _ seen: inout Set<ino_t>) -> Int {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, seen.insert(status.st_ino).inserted else { return 0 }
        var sum = Int(status.st_blocks) * 512
        guard status.kind == S_IFDIR else { return sum }
        for name in names(in: path) { sum += allocatedByteCount(path + "/" + name, &seen) }
        return sum
    }
}

extension stat {
    /// The file type: S_IFREG, S_IFDIR and so on.
    fileprivate var kind: Int32 { Int32(bitPattern: st_mode) & S_IFMT }
}

extension Files {
    /// Whether `path` is a directory and not a link to one.
    static func isDirectoryItself(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 && status.kind == S_IFDIR
    }

    /// Whether `path` is a directory that this user owns.
    static func isOwnDirectory(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 && status.kind == S_IFDIR && status.st_uid == geteuid()
    }

    /// Whether `path` exists; a dangling symbolic link does.
    static func isEntry(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0
    }
}
