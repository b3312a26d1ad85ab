public import GuestMemory
public import Host

/// The device types that vmm implements (Virtio 1.2, 5).
public enum VirtioDeviceType: UInt32, Sendable {
    case block = 2
    case console = 3
    case entropy = 4
    case persistentMemory = 27
}

/// A virtio device as its transport sees it. The device knows its queues and its configuration space, but no
/// bus, no interrupt controller and no KVM.
///
/// The transport calls `activate` and `reset` alternately and never concurrently. Any vCPU's thread may call
/// the configuration methods at any time.
public protocol VirtioDevice: AnyObject, Sendable {
    var type: VirtioDeviceType { get }
    /// The features that the device type offers; the transport adds `VirtioFeatures.ofEveryDevice`.
    var features: VirtioFeatures { get }
    /// The maximum size of each queue; a power of two.
    var queueSizes: [UInt16] { get }
    /// The present content of the device's configuration space (4.2.2.2), little-endian.
    var configuration: [UInt8] { get }
    /// A number that changes whenever `configuration` does (4.2.2.2 ConfigGeneration).
    var configurationGeneration: UInt32 { get }
    /// The present counters of the device's work and its errors. Any thread may read them at any time.
    var counters: VirtioCounters { get }
    /// Handles the driver's write of `bytes` into the configuration space. Most devices have no writable
    /// fields.
    func writeConfiguration(_ bytes: ArraySlice<UInt8>, at offset: Int)
    /// Activates the device: the driver has set DRIVER_OK (3.1.1). The device serves its queues from now on,
    /// until `reset`.
    ///
    /// If the configuration of a queue is invalid, throws an error, and the transport sets
    /// DEVICE_NEEDS_RESET.
    func activate(_ activation: VirtioActivation) throws(VirtqueueError)
    /// Whether a notification of the queue calls `notified` on the notifying vCPU's thread instead of
    /// signalling the queue's doorbell: one exit instead of another thread's wake-up. Use it for queues that
    /// are served immediately and whose driver spins for the result, as Linux does for a console's output.
    /// The value never changes during the life of the device.
    func isNotifiedDirectly(_ queue: Int) -> Bool
    /// Handles a notification of the queue with that number (4.2.3.3). The device need not be active. Must
    /// not block.
    func notified(_ queue: Int)
    /// Resets the device (2.4). After the return the device no longer touches guest memory.
    func reset()
}

extension VirtioDevice {
    public var configurationGeneration: UInt32 { 0 }
    public func isNotifiedDirectly(_ queue: Int) -> Bool { false }
    public func notified(_ queue: Int) {}
    public func writeConfiguration(_ bytes: ArraySlice<UInt8>, at offset: Int) {}
}

/// The environment of an active device: its features, memory, queues, doorbells and interrupt.
public struct VirtioActivation: Sendable {
    /// The negotiated features.
    public let features: VirtioFeatures
    public let memory: GuestMemory
    /// The configuration of each queue; `isReady` is false for a queue that the driver did not enable.
    public let queues: [VirtqueueConfiguration]
    /// The doorbell of each queue, which becomes readable when the driver notifies the queue.
    public let doorbells: [EventFD]
    public let interrupt: VirtioInterrupt

    public init(
        features: VirtioFeatures, memory: GuestMemory, queues: [VirtqueueConfiguration], doorbells: [EventFD],
        interrupt: VirtioInterrupt
    ) {
        self.features = features
        self.memory = memory
        self.queues = queues
        self.doorbells = doorbells
        self.interrupt = interrupt
    }

    /// Returns the queue with that number. Throws if the driver has not set it up.
    public func virtqueue(_ index: Int) throws(VirtqueueError) -> Virtqueue {
        guard queues[index].isReady else { throw .queueNotReady(index) }
        return try Virtqueue(queues[index], features: features, memory: memory)
    }
}
