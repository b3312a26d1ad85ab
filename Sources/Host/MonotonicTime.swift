import CHost
import Glibc

/// A time of CLOCK_MONOTONIC, in nanoseconds since the host booted.
public struct MonotonicTime: Comparable, Sendable {
    public let nanoseconds: UInt64

    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    public static func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds(of: CLOCK_MONOTONIC))
    }

    /// Returns the CPU time that all threads of this process have used, including that of guests.
    public static func processTime() -> MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds(of: CLOCK_PROCESS_CPUTIME_ID))
    }

    static func nanoseconds(of clock: clockid_t) -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(clock, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}
