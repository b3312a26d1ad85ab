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

extension MonotonicTime {
    /// Returns the time at which the kernel started this process, which is before the loader ran.
    ///
    /// The kernel reports the start in ticks of 10 ms (proc(5), starttime). Within that tick the CPU time
    /// that the process has used is more exact: it counts from the fork on, and a process that has not waited
    /// yet started that long ago.
    public static func processStart() -> MonotonicTime {
        let now = MonotonicTime.now()
        let used = nanoseconds(of: CLOCK_PROCESS_CPUTIME_ID)
        let estimate = now.nanoseconds &- min(used, now.nanoseconds)
        let ticks = chost_process_start_ticks()
        let ticksPerSecond = sysconf(Int32(_SC_CLK_TCK))
        guard ticks >= 0, ticksPerSecond > 0 else { return MonotonicTime(nanoseconds: estimate) }
        let tick = 1_000_000_000 / UInt64(ticksPerSecond)
        let started = UInt64(ticks) &* tick
        let earliest = started &- min(timeAsleep(), started)
        return MonotonicTime(nanoseconds: min(max(estimate, earliest), earliest &+ tick))
    }

    /// Returns the time that the host was suspended, in nanoseconds. starttime includes it, CLOCK_MONOTONIC
    /// does not.
    private static func timeAsleep() -> UInt64 {
        // CLOCK_MONOTONIC is read first, so that the difference is never negative.
        let awake = nanoseconds(of: CLOCK_MONOTONIC)
        return nanoseconds(of: CLOCK_BOOTTIME) &- awake
    }
}
