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

/// Devices that the kernel makes in the background. They may appear in /dev after init has started.
enum NewDevices {
    /// The time between two searches without an event in /dev: a device's file appears a moment before it can
    /// be opened.
    private static let roundMilliseconds: Int32 = 10
    private static let roundLimit = 1000

    /// Returns the result of `find`, called until it is not nil. Nil after `roundLimit` attempts.
    static func wait<Found>(for find: () -> Found?) -> Found? {
        if let found = find() { return found }
        let events = Descriptor(adopting: inotify_init1(Int32(IN_CLOEXEC)))
        guard unsafe inotify_add_watch(events.number, "/dev", UInt32(IN_CREATE)) >= 0 else { return nil }
        for _ in 0..<roundLimit {
            // The device may have appeared before the watch began.
            if let found = find() { return found }
            var event = pollfd(fd: events.number, events: Int16(POLLIN), revents: 0)
            if unsafe poll(&event, 1, roundMilliseconds) > 0 { _ = events.text(upTo: 4096) }
        }
        return nil
    }
}
