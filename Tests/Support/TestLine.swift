public import Host
import Synchronization
public import Virtio

/// The error of an event that did not happen for a very long time. Tests do not depend on time: this only
/// ends a test that hangs.
public struct WatchdogExpired: Error {
    public let what: String

    /// The limit is long enough for a busy host.
    public static let milliseconds: Int32 = 60_000

    public init(_ what: String) {
        self.what = what
    }
}

/// An interrupt line that counts its interrupts and that a test can wait for.
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

    /// The number of interrupts so far.
    public var count: Int { counter.load(ordering: .relaxed) }

    /// Waits for an interrupt since the last wait.
    public func wait(for what: String) throws {
        guard bell.wait(milliseconds: WatchdogExpired.milliseconds) else { throw WatchdogExpired(what) }
    }
}

/// An event loop on its own thread, for the lifetime of this object.
public final class TestLoop: Sendable {
    public let loop: EventLoop
    private let thread: Mutex<HostThread?>

    public init() throws {
        let loop = try EventLoop()
        self.loop = loop
        let thread = try HostThread(named: "test-loop") { try? loop.run() }
        self.thread = Mutex(thread)
    }

    /// Returns when the event loop has handled everything that was due before the call.
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
