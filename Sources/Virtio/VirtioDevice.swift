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

/// The 64 feature bits of a device, as offered or as negotiated (Virtio 1.2, 2.2).
public struct VirtioFeatures: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Makes the set of the one feature with bit number `bit`.
    public init(bit: Int) {
        self.init(rawValue: 1 << UInt64(bit))
    }

    /// VIRTIO_F_INDIRECT_DESC: a descriptor may name a table of descriptors (6, 2.7.5.3).
    public static let indirectDescriptors = VirtioFeatures(bit: 28)
    /// VIRTIO_F_EVENT_IDX: each side names the index at which it wants the next notification (6, 2.7.7.1).
    public static let eventIndex = VirtioFeatures(bit: 29)
    /// VIRTIO_F_VERSION_1: the device is not a legacy device (6.1).
    public static let version1 = VirtioFeatures(bit: 32)

    /// The features that the virtqueue and the transport offer for every device.
    public static let ofEveryDevice: VirtioFeatures = [.version1, .indirectDescriptors, .eventIndex]
}

/// Counters of a virtio device's work since the device was made; a reset keeps them. `VirtioInterrupt` counts
/// the faults of its driver.
public struct VirtioCounters: Hashable, Sendable {
    /// The number of chains that the device popped and pushed.
    public var requestCount: UInt64 = 0
    /// The number of bytes written into the guest's memory.
    public var byteCountToGuest: UInt64 = 0
    /// The number of bytes read from the guest's memory.
    public var byteCountFromGuest: UInt64 = 0
    /// The number of interrupts for used buffers.
    public var interruptCount: UInt64 = 0
    /// The number of requests that the device answered with an error.
    public var errorCount: UInt64 = 0

    public init() {}
}
