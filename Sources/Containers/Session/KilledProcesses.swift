import Host

/// The processes that a guest's kernel killed because the guest ran out of memory: their number, and the
/// first few names.
public struct KilledProcesses: Sendable {
    private static let nameLimit = 3

    private var count: UInt64 = 0
    private var names: [String] = []
    private var hasMoreNames = false

    public init() {}

    public var isEmpty: Bool { count == 0 }

    /// Adds a process; its name is nil if unknown. The guest controls the names and the number of calls, so
    /// both are bounded.
    public mutating func add(_ name: String?) {
        count = count == .max ? .max : count + 1
        guard let name, !names.contains(name) else { return }
        if names.count < Self.nameLimit { names.append(name) } else { hasMoreNames = true }
    }

    /// Returns the message for the user, without the program's name; nil if no process was killed.
    public func message(_ plan: ContainerPlan) -> String? {
        guard !isEmpty else { return nil }
        var cure = "Give it more with --memory"
        if plan.writableByteCount == nil {
            cure += "; the container's files take memory too, unless --writable SIZE gives it a disk"
        }
        return """
            the guest ran out of its \(plan.memoryByteCount >> 20) MiB of memory, and its kernel killed \(victims)
              \(cure).
            """
    }

    /// The processes as text: "the process 'tail'", "3 processes: 'tail', 'sh'".
    private var victims: String {
        let list = names.map { "'\($0.printable)'" }.joined(separator: ", ") + (hasMoreNames ? ", ..." : "")
        if count == 1 { return names.isEmpty ? "a process" : "the process \(list)" }
        return "\(count) processes" + (names.isEmpty ? "" : ": \(list)")
    }
}

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
