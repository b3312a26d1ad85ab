public import Host

/// The times and the end of one instance.
public struct Outcome: Sendable {
    public enum Ending: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
        /// The process was killed because its time was up.
        case outOfTime
        /// The process was still running and was killed, as intended.
        case stopped
    }

    /// The time before any work for the instance.
    public var begin: MonotonicTime
    /// The time before the process was created. From `begin` to here, the host prepares the file system.
    public var spawn: MonotonicTime
    /// The time of the first byte on standard output; nil if none was written.
    public var firstByte: MonotonicTime?
    public var end: MonotonicTime
    public var ending: Ending
    /// The user and system time of the process and of all descendants that were waited for, in nanoseconds.
    public var treeCPU: UInt64
    /// The largest resident set of one of these processes.
    public var peakKibibytes: Int
    /// The end of the captured output; empty if it was not captured.
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
    /// Returns the seconds from `earlier` to this time.
    public func seconds(since earlier: MonotonicTime) -> Double {
        Double(Int64(bitPattern: nanoseconds &- earlier.nanoseconds)) / 1e9
    }

    /// Returns the time `seconds` later; never an earlier one.
    public func adding(seconds: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds &+ UInt64(max(0, seconds) * 1e9))
    }
}
