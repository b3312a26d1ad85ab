import CLinux

/// Devices that the kernel makes in the background: they may appear in /dev when init runs already.
enum NewDevices {
    /// How often it is looked again without news from /dev: a device's file is there a moment before it can be opened.
    private static let roundMilliseconds: Int32 = 10
    private static let roundLimit = 1000

    /// What `find` finds, at once or after a while; nil when nothing came in time.
    static func wait<Found>(for find: () -> Found?) -> Found? {
        if let found = find() { return found }
        let news = Descriptor(adopting: inotify_init1(Int32(IN_CLOEXEC)))
        guard unsafe inotify_add_watch(news.number, "/dev", UInt32(IN_CREATE)) >= 0 else { return nil }
        for _ in 0..<roundLimit {
            // It may have come before the watch.
            if let found = find() { return found }
            var event = pollfd(fd: news.number, events: Int16(POLLIN), revents: 0)
            if unsafe poll(&event, 1, roundMilliseconds) > 0 { _ = news.text(upTo: 4096) }
        }
        return nil
    }
}
