public import Host
import Synchronization
public import Virtio

/// Something that was promised did not happen for a very long time. Tests are not timed: this only keeps a broken one
/// from waiting for ever.
public struct WatchdogExpired: Error {
    public let what: String

    /// A busy machine is no reason to fail; a test that hangs ends all the same.
    public static let milliseconds: Int32 = 60_000

    public init(_ what: String) {
        self.what = what
    }
}

/// An interrupt line that counts, and that a test can wait on.
public final class TestLine: InterruptLine {
    private let bell: EventFD
    private let counter = Atomic<Int>(0)

    public init() throws {
        bell = try EventFD()
    }

    public func signal() {
        counter.add(1, ordering: .relaxed)
        bell.signal()
    }

    /// How often it was raised.
    public var count: Int { counter.load(ordering: .relaxed) }

    /// Waits until it has been raised since the last wait.
    public func wait(for what: String) throws {
        guard bell.wait(milliseconds: WatchdogExpired.milliseconds) else { throw WatchdogExpired(what) }
    }
}

/// An event loop on a thread of its own, for as long as the test needs it.
public final class TestLoop: Sendable {
    public let loop: EventLoop
    private let thread: Mutex<HostThread?>

    public init() throws {
        let loop = try EventLoop()
        self.loop = loop
        let thread = try HostThread(named: "test-loop") { try? loop.run() }
        self.thread = Mutex(thread)
    }

    /// Returns when the loop's thread has come to everything that was due before this call.
    public func settle() throws {
        let (asked, answered) = (try EventFD(), try EventFD())
        try loop.watch(asked.descriptor) {
            asked.drain()
            answered.signal()
        }
        asked.signal()
        let isAnswered = answered.wait(milliseconds: WatchdogExpired.milliseconds)
        loop.unwatch(asked.descriptor)
        guard isAnswered else { throw WatchdogExpired("the event loop") }
    }

    deinit {
        loop.stop()
        thread.withLock { $0.take() }?.join()
    }
}
