public import GuestMemory
public import Host

/// The device types that we build (Virtio 1.2, 5).
public enum VirtioDeviceType: UInt32, Sendable {
    case block = 2
    case console = 3
    case entropy = 4
    case persistentMemory = 27
}

/// A virtio device as its transport sees it: it knows its queues and its configuration space, but neither a bus, nor an
/// interrupt controller, nor KVM.
///
/// The transport calls `activate` and `reset` in turn, never at once; the configuration methods may be called from any
/// vCPU's thread at any time.
public protocol VirtioDevice: AnyObject, Sendable {
    var type: VirtioDeviceType { get }
    /// What the device itself offers; the transport adds `VirtioFeatures.ofEveryDevice`.
    var features: VirtioFeatures { get }
    /// The greatest size of each queue; a power of two.
    var queueSizes: [UInt16] { get }
    /// The device's configuration space (4.2.2.2), little-endian, as it is now.
    var configuration: [UInt8] { get }
    /// Changes whenever `configuration` does (4.2.2.2 ConfigGeneration).
    var configurationGeneration: UInt32 { get }
    /// The device's work until now, and the errors in it.
    var counters: VirtioCounters { get }
    /// The driver wrote `bytes` into the configuration space. Most devices have nothing that may be written.
    func writeConfiguration(_ bytes: ArraySlice<UInt8>, at offset: Int)
    /// The driver set DRIVER_OK (3.1.1): the device serves its queues from now on, until `reset`.
    ///
    /// An error of the queues' configuration makes the transport set DEVICE_NEEDS_RESET.
    func activate(_ activation: VirtioActivation) throws(VirtqueueError)
    /// Whether a notification of the queue calls `notified` on the ringing vCPU's thread instead of ringing the queue's
    /// doorbell: one exit in place of another thread's wake-up. Right for a queue that is served at once and whose driver
    /// waits for the answer, as Linux does for a console's output. It is the same for as long as the device lives.
    func isNotifiedDirectly(_ queue: Int) -> Bool
    /// The driver notified the queue with that number (4.2.3.3); it may not be active. Must not block.
    func notified(_ queue: Int)
    /// The driver reset the device (2.4): when this returns the device touches guest memory no more.
    func reset()
}

extension VirtioDevice {
    public var configurationGeneration: UInt32 { 0 }
    public func isNotifiedDirectly(_ queue: Int) -> Bool { false }
    public func notified(_ queue: Int) {}
    public func writeConfiguration(_ bytes: ArraySlice<UInt8>, at offset: Int) {}
}

/// All that an active device works with.
public struct VirtioActivation: Sendable {
    /// What was negotiated.
    public let features: VirtioFeatures
    public let memory: GuestMemory
    /// One a queue; a queue that the driver did not enable has `isReady` false.
    public let queues: [VirtqueueConfiguration]
    /// One a queue: becomes readable when the driver rings for the queue.
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

    /// The queue with that number, which the driver must have set up.
    public func virtqueue(_ index: Int) throws(VirtqueueError) -> Virtqueue {
        guard queues[index].isReady else { throw .queueNotReady(index) }
        return try Virtqueue(queues[index], features: features, memory: memory)
    }
}
