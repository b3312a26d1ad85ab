import Glibc
import Host

/// Files of the kernel, such as those of /proc and of cgroups.
public enum KernelFile {
    /// Returns the whole text; nil if the file cannot be read.
    public static func text(_ path: String) -> String? {
        (try? WholeFile.read(path, upTo: 64 << 20)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Returns the first number.
    public static func number(_ path: String) -> UInt64? {
        text(path).flatMap { UInt64($0.split(whereSeparator: \.isWhitespace).first ?? "") }
    }

    /// Returns the number in the line of `label`, as in "MemTotal:  1234 kB".
    static func number(after label: String, in path: String) -> UInt64? {
        let line = text(path)?.split(separator: "\n").first { $0.hasPrefix(label + ":") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { UInt64($0) }
    }
}

/// The memory of this host.
public enum MemoryInfo {
    /// Returns a value of /proc/meminfo.
    public static func kibibytes(_ label: String) -> UInt64? {
        KernelFile.number(after: label, in: "/proc/meminfo")
    }

    public static func availableByteCount() -> Int { Int(kibibytes("MemAvailable") ?? 0) << 10 }
}

/// The names of the running kernel.
public enum Kernel {
    public static func release() -> String { line("osrelease") ?? "unknown" }
    public static func hostName() -> String? { line("hostname") }

    private static func line(_ name: String) -> String? {
        KernelFile.text("/proc/sys/kernel/" + name)?.filter { !$0.isNewline }
    }
}
