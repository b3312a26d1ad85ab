import CLinux

/// The port to the monitor: the only port of a virtio console that is not a console, `/dev/vportNpM`.
struct AgentPort: ~Copyable {
    let descriptor: Descriptor

    /// The kernel makes it when the monitor has answered its driver; nil when nothing came in time.
    init?() {
        guard let port = NewDevices.wait(for: Self.find) else { return nil }
        descriptor = Descriptor(adopting: port)
    }

    /// A console's port cannot be opened here, and neither can one that somebody has open.
    private static func find() -> Int32? {
        guard let directory = unsafe opendir("/dev") else { return nil }
        defer { unsafe closedir(directory) }
        while let name = unsafe nextName(directory) {
            guard unsafe strncmp(name, "vport", 5) == 0 else { continue }
            let port = unsafe openFile("/dev/" + String(cString: name), O_RDWR)
            if port >= 0 { return port }
        }
        return nil
    }

    /// Sends what can be sent without waiting; how many bytes that is, or nil when the port is gone.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let count = unsafe write(descriptor.number, bytes.baseAddress, bytes.count)
        if count >= 0 { return count }
        return lastError() == EAGAIN ? 0 : nil
    }
}
