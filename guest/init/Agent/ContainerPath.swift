import CLinux

/// Directories of the container, opened from its root name by name. No link leads out of the root, whatever
/// the image or a running process makes of the path meanwhile.
enum ContainerPath {
    /// The number of links that the kernel follows in one path: MAXSYMLINKS.
    private static let linkLimit = 40

    /// Opens the directory `path`. With `making`, makes missing directories, also behind dangling links. The
    /// root is that of the calling process. The caller closes the descriptor.
    static func open(_ path: String, making: Bool) throws(SystemError) -> Int32 {
        let root = Descriptor(adopting: unsafe openFile("/", O_PATH | O_DIRECTORY))
        let found = unsafe openInRoot(root.number, path, O_PATH | O_DIRECTORY)
        if found >= 0 { return found }
        // EAGAIN: a running process moved a directory on the way.
        guard making, lastError() == ENOENT || lastError() == EAGAIN else { throw .last }
        return try Walk(from: try check(duplicate(root.number))).to(path)
    }

    /// The directories from the root to the walk's present one; `..` leads back through them.
    private struct Walk: ~Copyable {
        private var directories: [Int32]
        private var linkCount = 0

        init(from root: Int32) { directories = [root] }

        deinit {
            for directory in directories { close(directory) }
        }

        consuming func to(_ path: String) throws(SystemError) -> Int32 {
            var names = Self.names(path)
            while let name = names.popLast() {
                if name.isEqual(to: "..") {
                    leave()
                } else if let target = try enter(name) {
                    if target.utf8.first == UInt8(ascii: "/") { while directories.count > 1 { leave() } }
                    names += Self.names(target)
                }
            }
            return try check(duplicate(directories[directories.count - 1]))
        }

        /// Returns the names of the path, the last one first.
        private static func names(_ path: String) -> [String] {
            path.utf8.split(separator: UInt8(ascii: "/")).reversed()
                .map { String(decoding: Array($0), as: UTF8.self) }.filter { !$0.isEqual(to: ".") }
        }

        private mutating func leave() {
            if directories.count > 1 { close(directories.removeLast()) }
        }

        /// Enters the directory `name`, and makes it if it is missing. Returns the target if `name` is a
        /// link.
        private mutating func enter(_ name: String) throws(SystemError) -> String? {
            let parent = directories[directories.count - 1]
            var entry = unsafe openName(parent, name)
            if entry < 0, lastError() == ENOENT {
                if unsafe mkdirat(parent, name, 0o755) < 0, lastError() != EEXIST { throw .last }
                entry = unsafe openName(parent, name)
            }
            try check(entry)
            var status = stat()
            try check(unsafe fstat(entry, &status))
            if status.st_mode & mode_t(S_IFMT) == mode_t(S_IFDIR) {
                directories.append(entry)
                return nil
            }
            let link = Descriptor(adopting: entry)
            guard status.st_mode & mode_t(S_IFMT) == mode_t(S_IFLNK) else { throw SystemError(code: ENOTDIR) }
            linkCount += 1
            guard linkCount <= ContainerPath.linkLimit else { throw SystemError(code: ELOOP) }
            return try Self.target(of: link)
        }

        private static func target(of link: borrowing Descriptor) throws(SystemError) -> String {
            let limit = 4096
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
                count = unsafe max(
                    0,
                    buffer.withMemoryRebound(to: CChar.self) { text in
                        unsafe readlinkat(link.number, "", text.baseAddress, limit)
                    })
            }
            // Every link has a target.
            guard !bytes.isEmpty, bytes.count < limit else { throw SystemError(code: ENOENT) }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
