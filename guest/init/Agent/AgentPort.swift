import CLinux

/// The port to the monitor: the only port of a virtio console device that is not itself a console,
/// `/dev/vportNpM`.
struct AgentPort: ~Copyable {
    let descriptor: Descriptor

    /// Waits for the port, which the kernel makes when the monitor has answered the driver. Nil if it does
    /// not appear in time.
    init?() {
        guard let port = NewDevices.wait(for: Self.find) else { return nil }
        descriptor = Descriptor(adopting: port)
    }

    /// Opens the first port that can be opened. A console's port cannot, and neither can one that is open
    /// already.
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

    /// Sends as many bytes as it can without waiting. Returns their number, or nil if the port is gone.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let count = unsafe write(descriptor.number, bytes.baseAddress, bytes.count)
        if count >= 0 { return count }
        return lastError() == EAGAIN ? 0 : nil
    }
}
