import Host

/// The processes that a guest's kernel killed because the guest's memory was spent: how many, and the names of the first few.
public struct KilledProcesses: Sendable {
    private static let nameLimit = 3

    private var count: UInt64 = 0
    private var names: [String] = []
    private var hasMoreNames = false

    public init() {}

    public var isEmpty: Bool { count == 0 }

    /// Adds a process; nil for one whose name nobody knows. The guest chooses names, and how often it says them.
    public mutating func add(_ name: String?) {
        count = count == .max ? .max : count + 1
        guard let name, !names.contains(name) else { return }
        if names.count < Self.nameLimit { names.append(name) } else { hasMoreNames = true }
    }

    /// What the user is told, without the name of the program; nil where nobody was killed.
    public func message(_ plan: ContainerPlan) -> String? {
        guard !isEmpty else { return nil }
        var cure = "Give it more with --memory"
        if plan.writableByteCount == nil {
            cure += "; what the container writes lies in memory too, unless --writable SIZE gives it a disk"
        }
        return """
            the guest ran out of its \(plan.memoryByteCount >> 20) MiB of memory, and its kernel killed \(victims)
              \(cure).
            """
    }

    /// "the process 'tail'", "3 processes: 'tail', 'sh'".
    private var victims: String {
        let list = names.map { "'\($0.printable)'" }.joined(separator: ", ") + (hasMoreNames ? ", ..." : "")
        if count == 1 { return names.isEmpty ? "a process" : "the process \(list)" }
        return "\(count) processes" + (names.isEmpty ? "" : ": \(list)")
    }
}
