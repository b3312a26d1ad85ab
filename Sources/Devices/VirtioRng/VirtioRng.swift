public import Host
import Synchronization
public import Virtio

/// The virtio entropy device (Virtio 1.2, 5.4), which passes on the host's random numbers.
///
/// The vCPU that notifies the device serves the queue. The event loop's thread serves it after a turn's
/// budget is used up.
public final class VirtioRng: VirtioDevice {
    static let requestQueue = 0

    public struct State: VirtioDeviceState {
        /// The queue of a device that serves it, or nil.
        public var queue: VirtqueueState?

        public init(queue: VirtqueueState?) {
            self.queue = queue
        }

        public static var tag: VirtioStateTag { VirtioStateTag(.entropy) }

        public func write(to writer: inout ByteWriter) {
            writer.optional(queue)
        }

        public init?(from reader: inout ByteReader) {
            guard let queue = reader.optional(VirtqueueState.init(from:)) else { return nil }
            self.init(queue: queue)
        }
    }

    private let loop: EventLoop
    private let shell = Mutex(DeviceShell<RngQueues>())

    public init(loop: EventLoop) {
        self.loop = loop
    }

    public var counters: VirtioCounters { shell.withLock { $0.counters } }

    // MARK: VirtioDevice

    public let type = VirtioDeviceType.entropy
    public let features: VirtioFeatures = []
    public let queueSizes: [UInt16] = [64]
    /// Returns true: a handful of bytes are ready before another thread would run.
    public func isNotifiedDirectly(_ queue: Int) -> Bool { true }
    /// The device has no configuration space (5.4.4).
    public let configuration: [UInt8] = []

    public func activate(_ activation: VirtioActivation) throws(VirtqueueError) {
        try begin(try RngQueues(activation), activation)
    }

    public func reset() {
        for doorbell in shell.withLock({ $0.reset() }) { loop.unwatch(doorbell.descriptor) }
    }

    public func pause() {
        shell.withLock { $0.pause() }
    }

    public func resume() {
        if shell.withLock({ $0.resume() }) { serve() }
    }

    public var state: State { State(queue: shell.withLock { $0.saved { $0.state } }) }

    public func restore(_ saved: State, _ activation: VirtioActivation?) throws(SavedStateError) {
        let queues = try restoredQueues(saved.queue, activation) { activation, queue throws(VirtqueueError) in
            try RngQueues(activation, queue)
        }
        guard let queues, let activation else { return }
        do throws(VirtqueueError) {
            try begin(queues, activation, isPaused: true)
        } catch { throw .badQueue(error) }
    }

    public func notified(_ queue: Int) {
        serve()
    }

    private func begin(
        _ queues: consuming RngQueues, _ activation: VirtioActivation, isPaused: Bool = false
    ) throws(VirtqueueError) {
        var queues: RngQueues? = queues
        shell.withLock { $0.activate(&queues, activation, isPaused: isPaused) }
        try watchOrReset { () throws(Failure) in
            try loop.watchNotifications(of: activation.doorbells[Self.requestQueue]) { [weak self] in
                self?.serve()
            }
        }
    }

    private func serve() {
        shell.withLock { shell in
            shell.serve { queues, counters throws(VirtqueueError) in try queues.serve(&counters) }
        }
    }
}
