import GuestMemory
import Host
import Synchronization

/// Gives the guest huge pages: in the end of RAM from the start, and elsewhere once they pay.
///
/// The rest of RAM is examined after 1 s, then after 2 s more, 4 s more and so on, for about two minutes. By
/// then the guest's workload has settled.
final class HugePages: Sendable {
    /// Several times as long as a small kernel takes from its first instruction to user space, in
    /// milliseconds.
    private static let firstDelay = 1000
    private static let lastDelay = 64000

    private let timer: TimerFD
    private let loop: EventLoop
    /// The next delay in milliseconds.
    private let delay = Mutex(HugePages.firstDelay)

    init(for memory: GuestMemory, loop: EventLoop) throws(Failure) {
        timer = try TimerFD()
        self.loop = loop
        memory.allowHugePagesAtEnd()
        try loop.watch(timer.descriptor) { [unowned self] in
            timer.drain()
            memory.allowHugePages()
            wait()
        }
        wait()
    }

    private func wait() {
        let milliseconds = delay.withLock { delay in
            defer { delay *= 2 }
            return delay
        }
        if milliseconds <= Self.lastDelay { timer.arm(milliseconds: milliseconds) }
    }

    func stop() {
        loop.unwatch(timer.descriptor)
    }
}
