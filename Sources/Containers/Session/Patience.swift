import Host
import Synchronization

/// Waits for a guest's agent to say its first word: for as long as a sound guest needs many times over, which is counted
/// in CPU time, because a software CPU or a busy host may take its time; and for a guest that sleeps, by the clock.
final class Patience: Sendable {
    private static let stepMilliseconds = 1000
    /// CPU time of this process, in seconds.
    private static let workLimit: UInt64 = 120
    /// By the clock, in seconds: a guest that halts has nothing more to do.
    private static let timeLimit: UInt64 = 300

    private let timer: TimerFD
    private let loop: EventLoop

    init(loop: EventLoop, _ expired: @escaping @Sendable () -> Void) throws(Failure) {
        let timer = try TimerFD()
        let (start, work) = (MonotonicTime.now(), MonotonicTime.processTime())
        try loop.watch(timer.descriptor) {
            timer.drain()
            let spent = MonotonicTime.now().seconds(since: start)
            let worked = MonotonicTime.processTime().seconds(since: work)
            guard spent < Self.timeLimit, worked < Self.workLimit else { return expired() }
            timer.arm(milliseconds: Self.stepMilliseconds)
        }
        timer.arm(milliseconds: Self.stepMilliseconds)
        self.timer = timer
        self.loop = loop
    }

    /// It has answered, or nobody waits any more.
    func stop() {
        loop.unwatch(timer.descriptor)
    }
}

extension MonotonicTime {
    fileprivate func seconds(since start: MonotonicTime) -> UInt64 {
        (nanoseconds &- min(nanoseconds, start.nanoseconds)) / 1_000_000_000
    }
}
