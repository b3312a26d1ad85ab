import CHost

/// The process's environment variables.
public enum Environment {
    /// Whether the variable `name` is set and not empty.
    public static func has(_ name: String) -> Bool {
        guard let value = unsafe getenv(name) else { return false }
        return unsafe value.pointee != 0
    }

    /// Returns the value of the variable `name`; nil if it is unset or empty.
    public static func value(_ name: String) -> String? {
        guard has(name), let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}

/// The monitor's own process.
public enum ThisProcess {
    /// Makes all threads allocate from one pool. By default the C library makes a pool for each thread, with
    /// 64 MiB of addresses and a few pages. Such pools pay off if many threads allocate at once; the
    /// monitor's threads allocate only where nothing is urgent.
    public static func shareOneMemoryPool() {
        chost_share_one_pool()
    }

    /// Ends the process with all its threads. Restores the terminal first, and writes the posted messages as
    /// long as the reader of standard error makes progress.
    public static func end(with status: Int32) -> Never {
        Terminal.restore()
        StandardError.flush()
        exit(status)
    }

    /// Starts a limit of ten seconds for the end of the process: unless `endIsDue` is called before, the
    /// process then ends with `status` and a message. From this call on SIGHUP, SIGINT, SIGQUIT and SIGTERM
    /// end the process too, after a second at the earliest, so that they do not disturb a short end. Call it
    /// on the main thread, when only the end is left to be done.
    public static func limitEnd(with status: Int32) {
        let message: StaticString = """
            vmm: gave up after 10 s: a disk or the reader of the console does not respond; data that it had not accepted is lost

            """
        // A literal ends with a zero byte and never moves.
        unsafe message.utf8Start.withMemoryRebound(to: CChar.self, capacity: message.utf8CodeUnitCount) {
            unsafe chost_limit_end(10, 1, status, $0)
        }
    }

    /// Lifts the limit of `limitEnd`: nothing is left that could delay the end.
    public static func endIsDue() {
        chost_end_limit_over()
    }

    /// Ends the process as `signal` does by default, so that its parent sees the signal as the cause.
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
