import CHost

/// What this process was started with.
public enum OwnProcess {
    /// The environment, NAME=VALUE each.
    public static func environment() -> [String] {
        (Files.text("/proc/self/environ") ?? "").split(separator: "\0").map(String.init)
    }

    /// The executable's path.
    public static func program() -> String {
        guard let path = unsafe realpath("/proc/self/exe", nil) else { return "/proc/self/exe" }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }
}
