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
    /// Ends it with all its threads, at once; the terminal is put back first.
    public static func end(with status: Int32) -> Never {
        Terminal.restore()
        exit(status)
    }
}
