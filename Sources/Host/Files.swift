import Glibc
public import SystemPackage

/// Small operations on files. Each throws the error of its system call.
public enum Files {
    public static func makeDirectory(_ path: String) throws(Errno) {
        _ = try hostCall { unsafe mkdir(path, 0o700) }
    }

    /// Makes a directory that every user may read, and all missing parents. An existing one stays as it is.
    public static func makeDirectories(_ path: String) throws(Errno) {
        if FileStatus(of: path)?.isDirectory == true { return }
        let parent = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
        if !parent.isEmpty { try makeDirectories(String(parent)) }
        guard unsafe mkdir(path, 0o755) < 0 else { return }
        let cause = Errno.current
        if FileStatus(of: path)?.isDirectory != true { throw cause }
    }

    public static func rename(_ from: String, to path: String) throws(Errno) {
        _ = try hostCall { unsafe Glibc.rename(from, path) }
    }

    public static func remove(_ path: String) throws(Errno) {
        _ = try hostCall { unsafe unlink(path) }
    }

    /// Writes the cached content of the file or directory at `path` to the disk (fsync(2)).
    public static func synchronize(_ path: String) throws(Errno) {
        let file = try OwnedDescriptor(opening: path, for: .reading)
        try synchronize(file.rawValue)
    }

    public static func synchronize(_ descriptor: Int32) throws(Errno) {
        _ = try hostCall { fsync(descriptor) }
    }

    /// Returns the sorted names in a directory; empty if the directory does not exist.
    public static func names(in path: String) throws(Errno) -> [String] {
        guard let directory = unsafe opendir(path) else {
            let cause = Errno.current
            if cause == .noSuchFileOrDirectory { return [] }
            throw cause
        }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a file, or a directory with everything in it that is on the same file system, as far as
    /// possible. Errors are ignored.
    public static func removeTree(_ path: String) {
        if let top = FileStatus(ofLink: path) { removeTree(path, top, on: top.status.st_dev) }
    }

    private static func removeTree(_ path: String, _ file: FileStatus, on device: dev_t) {
        guard file.isDirectory else {
            unsafe unlink(path)
            return
        }
        // An overlay reports devices of their own for its files, but not for its directories.
        guard file.status.st_dev == device else { return }
        for name in (try? names(in: path)) ?? [] {
            let inner = "\(path)/\(name)"
            if let file = FileStatus(ofLink: inner) { removeTree(inner, file, on: device) }
        }
        unsafe rmdir(path)
    }

    /// Reads all of a small file that no process is writing. Nil if the file is larger than `limit` bytes.
    public static func read(_ path: String, upTo limit: Int) throws(Errno) -> [UInt8]? {
        let file = try OwnedDescriptor(opening: path, for: .reading)
        guard let byteCount = FileStatus(of: file.rawValue)?.byteCount, byteCount <= UInt64(limit) else {
            return nil
        }
        return try read(file.rawValue, byteCount: Int(byteCount))
    }

    /// Reads the first `byteCount` bytes of an open file, or all of a file that is shorter.
    public static func read(_ descriptor: Int32, byteCount: Int) throws(Errno) -> [UInt8] {
        var failure: Errno?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, done in
            while done < buffer.count {
                let at = unsafe buffer.baseAddress! + done
                let result = unsafe pread(descriptor, at, buffer.count - done, off_t(done))
                if result < 0, Errno.current == .interrupted { continue }
                if result < 0 { failure = .current }
                guard result > 0 else { return }
                done += result
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Makes the file at `path`, which must not exist, and writes `bytes` to the disk.
    public static func create(_ path: String, _ bytes: [UInt8]) throws(Errno) {
        let file = try create(path)
        try write(bytes, to: file.rawValue)
        try synchronize(file.rawValue)
    }

    /// Writes all of `bytes` to `descriptor`.
    public static func write(_ bytes: [UInt8], to descriptor: Int32) throws(Errno) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try hostCall {
                unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Makes an empty file at `path`, which must not exist.
    public static func create(_ path: String) throws(Errno) -> OwnedDescriptor {
        let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        return OwnedDescriptor(owning: try hostCall { unsafe open(path, flags, 0o600) })
    }

    /// Returns a name of random letters and digits, for a temporary file.
    public static func randomName() -> String { String(UInt64.random(in: .min ... .max), radix: 36) }

    /// O_TMPFILE, which glibc declares only with _GNU_SOURCE.
    private static let temporary: Int32 = 0o20_000_000 | O_DIRECTORY

    /// Makes an empty file without a name on the file system of `directory`. No other process can find the
    /// file, and the kernel frees it with its last descriptor, however the process ends.
    ///
    /// If the file system does not support O_TMPFILE, makes a file with a random name and removes the name.
    public static func createUnnamed(in directory: String) throws(Errno) -> OwnedDescriptor {
        do throws(Errno) {
            return OwnedDescriptor(
                owning: try hostCall { unsafe open(directory, temporary | O_RDWR | O_CLOEXEC, 0o600) })
        } catch {
            // open(2) returns one of these errors if O_TMPFILE is not supported.
            guard [.notSupported, .isDirectory, .noSuchFileOrDirectory].contains(error) else { throw error }
        }
        let path = "\(directory)/unnamed-\(randomName())"
        let file = try create(path)
        try remove(path)
        return file
    }

    /// Returns the absolute form of `path`, with symbolic links resolved (realpath(3)).
    public static func resolved(_ path: String) throws(Errno) -> String {
        guard let found = unsafe realpath(path, nil) else { throw .current }
        defer { unsafe free(found) }
        return unsafe String(cString: found)
    }
}
