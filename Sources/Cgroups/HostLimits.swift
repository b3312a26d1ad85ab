/// What a container may take of the host: what its monitor's cgroup is given. Nil is no limit.
public struct HostLimits: Hashable, Sendable {
    /// In billionths of a CPU.
    public var cpuBillionths: UInt64?
    /// The guest's memory. The monitor's own comes on top (`MonitorCgroup`).
    public var memoryByteCount: UInt64?
    /// Processes and threads of the container.
    public var processCount: UInt64?

    public init() {}

    public var isEmpty: Bool { cpuBillionths == nil && memoryByteCount == nil && processCount == nil }
}
