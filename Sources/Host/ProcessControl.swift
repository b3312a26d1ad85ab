import CHost

/// The environment's variables, as far as they are asked for.
public enum Environment {
    /// Whether `name` is set to something.
    public static func has(_ name: String) -> Bool {
        guard let value = unsafe getenv(name) else { return false }
        return unsafe value.pointee != 0
    }

    /// What `name` is set to; nil where that is nothing.
    public static func value(_ name: String) -> String? {
        guard has(name), let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}

/// The monitor's own process.
public enum ThisProcess {
    /// Has all threads allocate from one pool. By itself the C library makes one for each thread, with 64 MiB of addresses
    /// and a few pages; that pays where many threads allocate at once, and ours allocate where nothing is urgent.
    public static func shareOneMemoryPool() {
        chost_share_one_pool()
    }

    /// Ends it with all its threads; the terminal is put back first, and what is to be said is said, as long as somebody reads.
    public static func end(with status: Int32) -> Never {
        Terminal.restore()
        StandardError.flush()
        exit(status)
    }

    /// Ends the process with `status` if `endIsDue` is not called within ten seconds, and says so. From here on SIGHUP, SIGINT,
    /// SIGQUIT and SIGTERM end it too, after a second at the earliest: a short end is not disturbed. Call it on the main thread,
    /// when nothing but the end is left to be done.
    public static func limitEnd(with status: Int32) {
        let message: StaticString = """
            vmm: ended after waiting 10 s: a disk or a reader of the console does not answer; what they had not taken is lost

            """
        // A literal: it ends with a zero and stays where it is.
        unsafe message.utf8Start.withMemoryRebound(to: CChar.self, capacity: message.utf8CodeUnitCount) {
            unsafe chost_limit_end(10, 1, status, $0)
        }
    }

    /// Nothing is left that could hold up the end.
    public static func endIsDue() {
        chost_end_limit_over()
    }

    /// Ends it as `signal` does by default, so that whoever waits for it learns why.
    public static func end(by signal: Int32) -> Never {
        Terminal.restore()
        chost_default(signal)
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, signal)
        unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
        raise(signal)
        exit(128 &+ signal)
    }
}
