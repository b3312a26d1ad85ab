import GuestMemory
import Host
import Synchronization

/// Gives the guest huge pages where it boots, and wherever they pay once it has had the time to: looked at after a second,
/// two more, four more, and so on for some two minutes, until which whatever was started has settled.
final class HugePages: Sendable {
    /// What a small kernel takes from its first instruction to user space, several times over.
    private static let firstDelay = 1000
    private static let lastDelay = 64000

    private let timer: TimerFD
    private let loop: EventLoop
    /// In milliseconds.
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
