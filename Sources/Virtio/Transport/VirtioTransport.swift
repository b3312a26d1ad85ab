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
        interrupt = VirtioInterrupt(line: line)
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
        do throws(VirtqueueError) { try device.activate(activation(state)) } catch { interrupt.fail(error) }
    }

    private func activation(_ state: VirtioNegotiation.State) -> VirtioActivation {
        VirtioActivation(
            features: state.driverFeatures, memory: memory, queues: state.queues, doorbells: doorbells,
            interrupt: interrupt)
    }

    private func resetDevice() {
        device.reset()
        interrupt.reset()
        for doorbell in doorbells { doorbell.drain() }
    }
}

/// Pause, save and restore. `VirtioDevice` has the contract.
extension VirtioTransport {
    /// The state of a paused device and of its transport: plain values.
    public struct State: Sendable {
        public var negotiation: VirtioNegotiation.State
        /// The reasons of interrupts that the driver has not acknowledged (InterruptStatus).
        public var interruptStatus: UInt32
        /// Whether the device has failed and waits for a reset.
        public var needsReset: Bool
        /// The device's own state, of the type `State` of its class.
        public var device: any VirtioDeviceState

        public init(
            negotiation: VirtioNegotiation.State, interruptStatus: UInt32, needsReset: Bool,
            device: any VirtioDeviceState
        ) {
            self.negotiation = negotiation
            self.interruptStatus = interruptStatus
            self.needsReset = needsReset
            self.device = device
        }

        public func write(to writer: inout ByteWriter) {
            negotiation.write(to: &writer)
            writer.u32(interruptStatus)
            writer.flag(needsReset)
            writer.u32(type(of: device).tag.rawValue)
            device.write(to: &writer)
        }

        /// Decodes a state. `readDevice` decodes that of a device with the given tag; it returns nil if it
        /// knows no such device.
        public init?(
            from reader: inout ByteReader,
            readDevice: (VirtioStateTag, inout ByteReader) -> (any VirtioDeviceState)?
        ) {
            guard let negotiation = VirtioNegotiation.State(from: &reader),
                let interruptStatus = reader.u32(), let needsReset = reader.flag(), let tag = reader.u32(),
                let device = readDevice(VirtioStateTag(rawValue: tag), &reader)
            else { return nil }
            self.init(
                negotiation: negotiation, interruptStatus: interruptStatus, needsReset: needsReset,
                device: device)
        }
    }

    /// Pauses the device (`VirtioDevice.pause`). No vCPU may run.
    public func pause() {
        negotiation.withLock { _ in device.pause() }
    }

    /// Lets a paused or restored device go on, and interrupts the driver again for what it has not
    /// acknowledged.
    public func resume() {
        negotiation.withLock { _ in
            interrupt.raiseAgain()
            device.resume()
        }
    }

    /// The state of the transport and its device, which must be paused.
    public var state: State {
        State(
            negotiation: negotiation.withLock { $0.state }, interruptStatus: interrupt.status,
            needsReset: interrupt.isFailed, device: device.state)
    }

    /// Continues where `saved` was taken. The guest's memory must have its content already, and no driver may
    /// have used this transport. On return the device is paused; if this throws, it is as it was built.
    public func restore(_ saved: State) throws(SavedStateError) {
        try negotiation.withLock { negotiation throws(SavedStateError) in
            let restored = try VirtioNegotiation(
                saved.negotiation, offered: negotiation.offered,
                maximumQueueSizes: negotiation.maximumQueueSizes)
            guard saved.interruptStatus & ~VirtioInterrupt.everyReason == 0 else {
                throw .unfit("an unknown reason of an interrupt")
            }
            let isActive = restored.isActive && !saved.needsReset
            try restore(device, saved.device, isActive ? activation(restored.state) : nil)
            interrupt.restore(status: saved.interruptStatus, isFailed: saved.needsReset)
            negotiation = restored
        }
    }

    private func restore<Device: VirtioDevice>(
        _ device: Device, _ saved: any VirtioDeviceState, _ activation: VirtioActivation?
    ) throws(SavedStateError) {
        guard let own = saved as? Device.State else { throw .unfit("the state of another device type") }
        try device.restore(own, activation)
    }
}
