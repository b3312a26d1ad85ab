import Host
import Synchronization

/// The timeout of a guest's agent: for its first message, and then for the start of the container's process.
///
/// Each limit is many times what a sound guest needs. CPU time is limited, because a software CPU or a busy
/// host may be slow; wall-clock time is limited too, for a guest that halts.
final class Timeouts: Sendable {
    /// The limit of this process's CPU time, in seconds.
    static let workLimit: UInt64 = 120
    /// The limit of wall-clock time, in seconds: a guest that halts uses no CPU time.
    static let timeLimit: UInt64 = 300

    /// The clocks of the timeout, and the interval between two checks.
    struct Clock: Sendable {
        var time: @Sendable () -> MonotonicTime
        /// Returns the CPU time of this process.
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

    /// Restarts the timeout after a step of the agent: the next step has the full time again.
    func renew() {
        start.withLock { $0 = (clock.time(), clock.work()) }
    }

    /// Stops the timeout.
    func stop() {
        loop.unwatch(timer.descriptor)
    }
}

extension MonotonicTime {
    fileprivate func seconds(since start: MonotonicTime) -> UInt64 {
        (nanoseconds &- min(nanoseconds, start.nanoseconds)) / 1_000_000_000
    }
}
