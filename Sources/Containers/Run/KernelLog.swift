import Host

/// The output of a guest's kernel on its console.
public enum KernelLog {
    /// Returns the last `count` lines, made printable.
    public static func lastLines(_ bytes: [UInt8], count: Int) -> [String] {
        let lines = bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        return lines.suffix(count).map { String(decoding: $0, as: UTF8.self).printable }
    }

    /// Whether the kernel killed a process because there was no memory left.
    public static func reportsOutOfMemory(_ bytes: [UInt8]) -> Bool {
        bytes.firstRange(of: Array("Out of memory: Killed process".utf8)) != nil
    }
}
