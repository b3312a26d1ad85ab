import CLinux

/// The files of /etc that programs expect to say where they are: hostname, hosts, resolv.conf and mtab.
struct ContainerNames {
    private let hostname: String

    init(_ hostname: String) {
        self.hostname = hostname
    }

    /// Writes them into `directory`, the container's /etc. An image's own resolv.conf and mtab stay; `root` is where they are
    /// looked for. What cannot be written is left out: an image may have something else in the place of /etc.
    func write(into directory: borrowing Descriptor, over root: String) {
        guard directory.isOpen else { return }
        put(text(hostname, "\n"), "hostname", directory)
        put(
            text(
                "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t", hostname, "\n"
            ), "hosts", directory)
        // What a link leads to is not there before the container runs.
        if !isFile("/etc/resolv.conf", in: root) {
            put("# The container has no network, and no name server.\n", "resolv.conf", directory)
        }
        if status(root + "/etc/mtab") == nil {
            _ = unsafe symlinkat("/proc/mounts", directory.number, "mtab")
        }
    }

    private func isFile(_ path: String, in root: String) -> Bool {
        let root = Descriptor(adopting: unsafe openFile(root + "/", O_PATH | O_DIRECTORY))
        let file = Descriptor(adopting: unsafe openInRoot(root.number, path, O_PATH))
        var status = stat()
        return unsafe file.isOpen && fstat(file.number, &status) == 0
            && status.st_mode & mode_t(S_IFMT) == mode_t(S_IFREG)
    }

    /// A link of the image's is replaced, and not followed.
    private func put(_ text: String, _ name: String, _ directory: borrowing Descriptor) {
        let flags = O_WRONLY | O_TRUNC
        var file = unsafe createFileIn(directory.number, name, flags, 0o644)
        if file < 0, lastError() == ELOOP {
            unsafe unlinkat(directory.number, name, 0)
            file = unsafe createFileIn(directory.number, name, flags, 0o644)
        }
        let descriptor = Descriptor(adopting: file)
        guard descriptor.isOpen else { return }
        var text = text
        text.withUTF8 { bytes in _ = unsafe CLinux.write(descriptor.number, bytes.baseAddress, bytes.count) }
    }
}
