import GuestMemory
import Host

/// Gives the guest huge pages where it boots, and everywhere once it has had the time to.
struct HugePages: Sendable {
    /// What a small kernel takes from its first instruction to user space, several times over.
    private static let delayMilliseconds = 1000

    private let timer: TimerFD
    private let loop: EventLoop

    init(for memory: GuestMemory, loop: EventLoop) throws(Failure) {
        let timer = try TimerFD()
        try loop.watch(timer.descriptor) {
            timer.drain()
            memory.allowHugePages()
        }
        memory.allowHugePagesAtEnd()
        timer.arm(milliseconds: Self.delayMilliseconds)
        self.timer = timer
        self.loop = loop
    }

    func stop() {
        loop.unwatch(timer.descriptor)
    }
}
