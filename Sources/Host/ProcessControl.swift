import CHost

/// The environment's variables, as far as they are asked for.
public enum Environment {
    /// Whether `name` is set to something.
    public static func has(_ name: String) -> Bool {
        guard let value = unsafe getenv(name) else { return false }
        return unsafe value.pointee != 0
    }
}

/// The monitor's own process.
public enum ThisProcess {
    /// Has all threads allocate from one pool. By itself the C library makes one for each thread, with 64 MiB of addresses
    /// and a few pages; that pays where many threads allocate at once, and ours allocate where nothing is urgent.
    public static func shareOneMemoryPool() {
        chost_share_one_pool()
    }

    /// Ends it with all its threads, at once; the terminal is put back first.
    public static func end(with status: Int32) -> Never {
        Terminal.restore()
        exit(status)
    }
}
