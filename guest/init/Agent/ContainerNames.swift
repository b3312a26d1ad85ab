import CLinux

/// The files of /etc that describe the system's names. They are made before the container is known, and
/// written when it is.
struct ContainerNames {
    /// Descriptors of the files; -1 for one that cannot be written.
    private let hostname: Int32
    private let hosts: Int32
    /// -1 also if the image has its own.
    private let resolver: Int32

    /// Whether the image below `root` lacks a resolv.conf. The target of a link may not exist before the
    /// container runs.
    static func lackResolver(below root: String) -> Bool { !isFile("/etc/resolv.conf", in: root) }

    /// Makes the files in `directory`, the container's /etc, or opens those that are there. A file that
    /// cannot be made is left out: an image may have something else in the place of /etc.
    init(in directory: borrowing Descriptor, withResolver: Bool) {
        hostname = Self.make("hostname", in: directory)
        hosts = Self.make("hosts", in: directory)
        resolver = withResolver ? Self.make("resolv.conf", in: directory) : -1
    }

    /// Makes the link mtab in `directory` unless the image below `root` has one.
    static func linkMounts(in directory: borrowing Descriptor, below root: String) {
        guard directory.isOpen, status(root + "/etc/mtab") == nil else { return }
        _ = unsafe symlinkat("/proc/mounts", directory.number, "mtab")
    }

    /// Writes the names and closes the files.
    func write(_ name: String) {
        Self.fill(hostname, text(name, "\n"))
        Self.fill(
            hosts,
            text("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t", name, "\n"))
        Self.fill(resolver, "# The container has no network, and no name server.\n")
    }

    /// Closes the files as they are.
    func close() {
        for file in [hostname, hosts, resolver] where file >= 0 { CLinux.close(file) }
    }

    private static func isFile(_ path: String, in root: String) -> Bool {
        let root = Descriptor(adopting: unsafe openFile(root + "/", O_PATH | O_DIRECTORY))
        let file = Descriptor(adopting: unsafe openInRoot(root.number, path, O_PATH))
        var status = stat()
        return unsafe file.isOpen && fstat(file.number, &status) == 0
            && status.st_mode & mode_t(S_IFMT) == mode_t(S_IFREG)
    }

    /// Opens an empty file. Replaces a symbolic link of the image instead of following it.
    private static func make(_ name: String, in directory: borrowing Descriptor) -> Int32 {
        guard directory.isOpen else { return -1 }
        let flags = O_WRONLY | O_TRUNC
        let file = unsafe createFileIn(directory.number, name, flags, 0o644)
        guard file < 0, lastError() == ELOOP else { return file }
        unsafe unlinkat(directory.number, name, 0)
        return unsafe createFileIn(directory.number, name, flags, 0o644)
    }

    /// Writes the text and closes the file.
    private static func fill(_ file: Int32, _ text: String) {
        let descriptor = Descriptor(adopting: file)
        guard descriptor.isOpen else { return }
        var text = text
        text.withUTF8 { bytes in _ = unsafe CLinux.write(descriptor.number, bytes.baseAddress, bytes.count) }
    }
}
