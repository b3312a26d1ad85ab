/// The environment of this process.
public enum OwnProcess {
    /// Returns the environment, as NAME=VALUE.
    public static func environment() -> [String] {
        (Files.text("/proc/self/environ") ?? "").split(separator: "\0").map(String.init)
    }
}
