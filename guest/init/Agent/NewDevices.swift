import CLinux

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
