import CLinux

/// The port to the monitor: the only port of a virtio console that is not a console, `/dev/vportNpM`.
struct AgentPort: ~Copyable {
    let descriptor: Descriptor

    /// How long a port may take to appear: the kernel makes it when the monitor has answered its driver.
    private static let patienceMilliseconds: Int32 = 10_000

    /// Looks in /dev, and again with each new device; nil when nothing came in time.
    init?() {
        if let port = Self.find() {
            descriptor = Descriptor(adopting: port)
            return
        }
        guard let port = Self.waitForPort() else { return nil }
        descriptor = Descriptor(adopting: port)
    }

    private static func waitForPort() -> Int32? {
        let news = Descriptor(adopting: inotify_init1(Int32(IN_CLOEXEC)))
        guard unsafe inotify_add_watch(news.number, "/dev", UInt32(IN_CREATE)) >= 0 else { return nil }
        while true {
            // It may have come before the watch.
            if let port = find() { return port }
            var event = pollfd(fd: news.number, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&event, 1, patienceMilliseconds) > 0 else { return nil }
            _ = news.text(upTo: 4096)
        }
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
