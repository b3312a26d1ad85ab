/// The host resources that a container may use: the limits of its monitor's cgroup. Nil means no limit.
public struct HostLimits: Hashable, Sendable {
    /// CPU time, in billionths of a CPU.
    public var cpuBillionths: UInt64?
    /// The guest's memory. `MonitorCgroup` adds the monitor's own.
    public var memoryByteCount: UInt64?
    /// The number of processes and threads of the container.
    public var processCount: UInt64?

    public init() {}

    public var isEmpty: Bool { cpuBillionths == nil && memoryByteCount == nil && processCount == nil }
}
