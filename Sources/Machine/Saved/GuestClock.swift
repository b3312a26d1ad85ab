import Host
import KVM

/// The relation between a guest's two clocks: kvm-clock, and the time stamp counter of its CPU 0.
///
/// A guest compares the two, and takes the counter for unstable if one of them jumps by milliseconds against
/// the other. So they are saved as of one moment, and restored so.
struct GuestClock {
    let vm: VirtualMachine
    let cpu: VCPUThread
    /// The frequency of the counter in kHz.
    let frequency: UInt32

    /// The number of attempts to access both clocks without an interruption in between.
    private static let attempts = 8
    /// An access to both that takes longer was interrupted, in nanoseconds.
    private static let longest: UInt64 = 20_000
    /// A longer time between the save of two parts, or between their restores, is not believed: a second.
    private static let most: UInt64 = 1_000_000_000

    /// Returns kvm-clock in nanoseconds, as of the moment at which the counter was `timeStamp`. That is
    /// shortly before or after the call.
    func nanoseconds(at timeStamp: UInt64) throws(Failure) -> UInt64 {
        var (best, shortest): (UInt64, UInt64) = (0, .max)
        for _ in 0..<Self.attempts where shortest > Self.longest {
            let before = try cpu.timeStamp()
            let clock = try vm.clockNanoseconds()
            let took = duration(from: before, to: try cpu.timeStamp())
            guard took < shortest else { continue }
            shortest = took
            // kvm-clock was read half way between the two readings of the counter.
            best =
                clock &- took / 2 &+ duration(from: before, to: timeStamp)
                &- duration(from: timeStamp, to: before)
        }
        return best
    }

    /// Sets kvm-clock so that it was `nanoseconds` when the counter was `timeStamp`.
    func set(nanoseconds: UInt64, at timeStamp: UInt64) throws(Failure) {
        // The time from a reading of the counter to the moment at which the clock is set.
        var delay: UInt64 = 0
        for _ in 0..<Self.attempts {
            let before = try cpu.timeStamp()
            try vm.setClock(nanoseconds: nanoseconds &+ duration(from: timeStamp, to: before) &+ delay)
            let took = duration(from: before, to: try cpu.timeStamp())
            if took <= Self.longest { return }
            delay = took / 2
        }
    }

    /// Returns the time between two values of the counter in nanoseconds; 0 if `end` is not the later one, or
    /// if they are so far apart that they cannot belong together.
    private func duration(from start: UInt64, to end: UInt64) -> UInt64 {
        let (ticks, isBefore) = end.subtractingReportingOverflow(start)
        guard !isBefore, frequency > 0 else { return 0 }
        let (nanoseconds, overflow) = ticks.multipliedReportingOverflow(by: 1_000_000)
        let result = nanoseconds / UInt64(frequency)
        return overflow || result > Self.most ? 0 : result
    }
}
