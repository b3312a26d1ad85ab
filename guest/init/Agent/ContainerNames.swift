import CLinux

/// The files of /etc that describe the system's names: hostname, hosts, resolv.conf and mtab.
struct ContainerNames {
    private let hostname: String

    init(_ hostname: String) {
        self.hostname = hostname
    }

    /// Writes the files into `directory`, the container's /etc. The image's own resolv.conf and mtab stay;
    /// they are looked up below `root`. A file that cannot be written is left out: an image may have
    /// something else in the place of /etc.
    func write(into directory: borrowing Descriptor, over root: String) {
        guard directory.isOpen else { return }
        put(text(hostname, "\n"), "hostname", directory)
        put(
            text(
                "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t", hostname, "\n"
            ), "hosts", directory)
        // The target of a link may not exist before the container runs.
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

    /// Writes a file. Replaces a symbolic link of the image instead of following it.
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
