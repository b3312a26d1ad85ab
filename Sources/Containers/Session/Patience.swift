import Host
import Synchronization

/// Waits for a guest's agent to say its first word, and then for it to start the container's process: each time for as
/// long as a sound guest needs many times over, which is counted in CPU time, because a software CPU or a busy host may
/// take its time; and for a guest that sleeps, by the clock.
final class Patience: Sendable {
    /// CPU time of this process, in seconds.
    static let workLimit: UInt64 = 120
    /// By the clock, in seconds: a guest that halts has nothing more to do.
    static let timeLimit: UInt64 = 300

    /// What tells the time, and how often it is looked at.
    struct Clock: Sendable {
        var time: @Sendable () -> MonotonicTime
        /// The CPU time of this process.
        var work: @Sendable () -> MonotonicTime
        var stepMilliseconds: Int

        static let host = Clock(
            time: { MonotonicTime.now() }, work: { MonotonicTime.processTime() }, stepMilliseconds: 1000)
    }

    private let timer: TimerFD
    private let loop: EventLoop
    private let clock: Clock
    private let start: Mutex<(time: MonotonicTime, work: MonotonicTime)>

    init(
        loop: EventLoop, clock: Clock = .host, _ expired: @escaping @Sendable () -> Void
    ) throws(Failure) {
        let timer = try TimerFD()
        self.timer = timer
        self.loop = loop
        self.clock = clock
        start = Mutex((clock.time(), clock.work()))
        try loop.watch(timer.descriptor) { [weak self] in
            timer.drain()
            guard let self else { return }
            guard !self.isSpent else { return expired() }
            timer.arm(milliseconds: clock.stepMilliseconds)
        }
        timer.arm(milliseconds: clock.stepMilliseconds)
    }

    private var isSpent: Bool {
        let start = start.withLock { $0 }
        return clock.time().seconds(since: start.time) >= Self.timeLimit
            || clock.work().seconds(since: start.work) >= Self.workLimit
    }

    /// It has come one step further; the next may take as long.
    func renew() {
        start.withLock { $0 = (clock.time(), clock.work()) }
    }

    /// It has done what was waited for, or nobody waits any more.
    func stop() {
        loop.unwatch(timer.descriptor)
    }
}

extension MonotonicTime {
    fileprivate func seconds(since start: MonotonicTime) -> UInt64 {
        (nanoseconds &- min(nanoseconds, start.nanoseconds)) / 1_000_000_000
    }
}
