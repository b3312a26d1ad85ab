public import Host
import Synchronization
public import Virtio

/// The virtio entropy device (Virtio 1.2, 5.4), which passes on the host's random numbers.
///
/// The vCPU that notifies the device serves the queue. The event loop's thread serves it after a turn's
/// budget is used up.
public final class VirtioRng: VirtioDevice {
    static let requestQueue = 0

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
        var queues: RngQueues? = try RngQueues(activation)
        shell.withLock { $0.activate(queues.take()!, activation) }
        try watchOrReset { () throws(Failure) in
            try loop.watchRinging(of: activation.doorbells[Self.requestQueue]) { [weak self] in self?.serve()
            }
        }
    }

    public func reset() {
        for doorbell in shell.withLock({ $0.reset() }) { loop.unwatch(doorbell.descriptor) }
    }

    public func notified(_ queue: Int) {
        serve()
    }

    private func serve() {
        shell.withLock { shell in
            shell.serve { queues, counters throws(VirtqueueError) in try queues.serve(&counters) }
        }
    }
}
