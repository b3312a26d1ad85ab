public import Host

/// How one instance went.
public struct Outcome: Sendable {
    public enum Ending: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
        /// It was killed, because its time was up.
        case outOfTime
        /// It was still running when it was killed, as was meant.
        case stopped
    }

    /// Before anything was done for it.
    public var begin: MonotonicTime
    /// Before its process was made; what lies between is the work of the host's file system for it.
    public var spawn: MonotonicTime
    /// When the first byte of its standard output was there, if one came.
    public var firstByte: MonotonicTime?
    public var end: MonotonicTime
    public var ending: Ending
    /// User and system time of the process and of all descendants that were waited for, in nanoseconds.
    public var treeCPU: UInt64
    /// The last of what it wrote.
    public var output: String
    public var error: String

    public var isSuccess: Bool { ending == .exited(0) }
}

extension Outcome.Ending: CustomStringConvertible {
    public var description: String {
        switch self {
        case .exited(let status): "status \(status)"
        case .signalled(let number): "signal \(number)"
        case .outOfTime: "killed because its time was up"
        case .stopped: "stopped"
        }
    }
}

extension MonotonicTime {
    /// Seconds from `earlier` to this.
    func seconds(since earlier: MonotonicTime) -> Double {
        Double(Int64(bitPattern: nanoseconds &- earlier.nanoseconds)) / 1e9
    }
}
