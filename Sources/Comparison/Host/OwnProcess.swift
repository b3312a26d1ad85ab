import CHost

/// The environment and the executable of this process.
public enum OwnProcess {
    /// Returns the environment, as NAME=VALUE.
    public static func environment() -> [String] {
        (Files.text("/proc/self/environ") ?? "").split(separator: "\0").map(String.init)
    }

    /// Returns the executable's path.
    public static func program() -> String {
        guard let path = unsafe realpath("/proc/self/exe", nil) else { return "/proc/self/exe" }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }
}
