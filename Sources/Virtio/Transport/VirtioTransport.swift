public import GuestMemory
public import Host
import Synchronization

/// The part of a transport that is the same for every way to a device: it has the negotiation, the doorbells
/// and the interrupt, and it activates and resets the device.
///
/// A transport such as `VirtioMMIO` is a face of it: a struct that only decodes the driver's accesses.
public final class VirtioTransport: Sendable {
    let device: any VirtioDevice
    let memory: GuestMemory
    /// The device's interrupt, which also counts the faults of its driver.
    public let interrupt: VirtioInterrupt
    /// The doorbell of each queue. For each of `connectedQueues` the machine connects the doorbell to the
    /// driver's notification of that queue.
    public let doorbells: [EventFD]
    /// Held while a status write activates or resets the device.
    let negotiation: Mutex<VirtioNegotiation>

    /// Makes the transport of `device`, whose queues lie in `memory` and whose interrupts all use `line`.
    /// Throws if the host has no descriptors left for the doorbells.
    public init(device: any VirtioDevice, memory: GuestMemory, line: any InterruptLine) throws(Failure) {
        let queueSizes = device.queueSizes
        self.device = device
        self.memory = memory
        interrupt = VirtioInterrupt(line: line, queueCount: queueSizes.count)
        var doorbells: [EventFD] = []
        for _ in queueSizes { doorbells.append(try EventFD()) }
        self.doorbells = doorbells
        negotiation = Mutex(
            VirtioNegotiation(
                offered: device.features.union(.ofEveryDevice), maximumQueueSizes: queueSizes))
    }

    /// The queues whose doorbells are connected by ioeventfd: all but those that are notified directly.
    public var connectedQueues: [Int] { doorbells.indices.filter { !device.isNotifiedDirectly($0) } }

    /// The present counters of the device's work and its errors.
    public var counters: VirtioCounters { device.counters }

    /// The device status, as the driver reads it.
    var status: VirtioStatus {
        negotiation.withLock { $0.state.status }.union(interrupt.isFailed ? .needsReset : [])
    }

    /// Handles the driver's write to the status register (Virtio 1.2, 2.1 and 3.1.1).
    func setStatus(_ value: UInt32) {
        negotiation.withLock { negotiation in
            switch negotiation.setStatus(value) {
            case .nothing: break
            case .reset: resetDevice()
            case .activate: activate(negotiation.state)
            case .fault(let reason): interrupt.fail(.badRequest(reason))
            }
        }
    }

    /// Handles the driver's notification of a queue (2.9). If the doorbell is an ioeventfd, KVM signals it
    /// without an exit.
    func notify(_ queue: UInt32) {
        guard let index = Int(exactly: queue), index < doorbells.count else { return }
        if device.isNotifiedDirectly(index) {
            device.notified(index)
        } else {
            doorbells[index].signal()
        }
    }

    /// Resets the device at the end of the machine, so that it no longer touches guest memory, whatever its
    /// status.
    public func stop() {
        setStatus(0)
    }

    private func activate(_ state: VirtioNegotiation.State) {
        // A device that failed before DRIVER_OK stays failed until it is reset.
        guard !interrupt.isFailed else { return }
        let activation = VirtioActivation(
            features: state.driverFeatures, memory: memory, queues: state.queues, doorbells: doorbells,
            interrupt: interrupt)
        do throws(VirtqueueError) { try device.activate(activation) } catch { interrupt.fail(error) }
    }

    private func resetDevice() {
        device.reset()
        interrupt.reset()
        for bell in doorbells { bell.drain() }
    }
}
