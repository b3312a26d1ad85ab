public import Host
import Synchronization
public import Virtio

/// The virtio entropy device (Virtio 1.2, 5.4), which passes on the host's random numbers.
///
/// The vCPU that notifies the device serves the queue. The event loop's thread serves it after a turn's
/// budget is used up.
public final class VirtioRng: VirtioDevice {
    static let requestQueue = 0

    struct State: ~Copyable, Sendable {
        var active: RngQueues?
        var counters = VirtioCounters()
    }

    private let loop: EventLoop
    private let state = Mutex(State())

    public init(loop: EventLoop) {
        self.loop = loop
    }

    public var counters: VirtioCounters { state.withLock { $0.counters } }

    // MARK: VirtioDevice

    public let type = VirtioDeviceType.entropy
    public let features: VirtioFeatures = []
    public let queueSizes: [UInt16] = [64]
    /// Returns true: a handful of bytes are ready before another thread would run.
    public func isNotifiedDirectly(_ queue: Int) -> Bool { true }
    /// The device has no configuration space (5.4.4).
    public let configuration: [UInt8] = []

    public func activate(_ activation: VirtioActivation) throws(VirtqueueError) {
        var active: RngQueues? = try RngQueues(activation)
        state.withLock { $0.active = active.take() }
        do throws(Failure) {
            try loop.watchRinging(of: activation.doorbells[Self.requestQueue]) { [weak self] in self?.serve()
            }
        } catch {
            reset()
            throw .badRequest("the host cannot watch the doorbell")
        }
    }

    public func reset() {
        let bell = state.withLock { state in
            let bell = state.active?.doorbell
            state.active = nil
            return bell
        }
        if let bell { loop.unwatch(bell.descriptor) }
    }

    public func notified(_ queue: Int) {
        serve()
    }

    private func serve() {
        state.withLock { state in
            guard let interrupt = state.active?.interrupt, !interrupt.isFailed else { return }
            do throws(VirtqueueError) {
                try state.active!.serve(&state.counters)
            } catch {
                state.counters.faultCount &+= 1
                interrupt.fail(error)
            }
        }
    }
}
