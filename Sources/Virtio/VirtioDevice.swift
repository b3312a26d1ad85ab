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
/// # Life cycle
///
/// The machine builds a device; its transport makes all later calls, under its lock: never two at once.
///
/// - **build**, `init`: the back end is open already. Afterwards the device is inactive: it has no queues and
///   touches no guest memory.
/// - **run**, `activate`: the driver has set DRIVER_OK, and the device is inactive. Afterwards the device
///   serves its queues, on threads of vCPUs, of the event loop, or of its own.
/// - **reset**, `reset`: in any phase. Afterwards the device is inactive, and no thread of it is left.
/// - **pause**, `pause`: every vCPU has left KVM_RUN and finished its exit. The call comes from the event
///   loop's thread, so no handler is at work. Afterwards the device is drained (see below).
/// - **resume**, `resume`: the device is paused. Afterwards it serves its queues, and first of all what came
///   in during the pause.
/// - **save**, `state`: the device is paused and stays so. The caller gets plain values.
/// - **restore**, `restore`: the device has just been built with the configuration of the saved one, and
///   guest memory has its content. Afterwards the device is paused.
/// - **end**, `reset`: the vCPUs have stopped, or are paused for good. Then the device may be released.
///
/// **Drained** means: no thread of the monitor is at work for the device, none begins, and none raises its
/// interrupt or touches guest memory. Each chain that the device has popped is either pushed, because its
/// request was finished, or put back: then the state says where to continue in it. What comes in from the
/// host (the user's keys, a session's bytes, a new size of the terminal) waits in the device or its back end.
///
/// A device that is inactive, or that has failed, pauses and resumes without effect, and its state has no
/// queues: only a reset by the driver leads on.
///
/// The caller alone can guarantee what crosses devices. It pauses all vCPUs before the first device, pauses
/// all devices before it saves the first state or any guest memory, and saves the interrupt controllers after
/// the last device is paused. It restores guest memory first, then the devices, and resumes the vCPUs after
/// the last device.
///
/// `restore` trusts nothing: it checks every number of the state, and throws without having changed the
/// device. The guest's memory need not fit the state. A queue that continues at a wrong place checks what it
/// finds there as ever, and the driver then sees a device that needs a reset.
///
/// Counters are no part of a state: they count the work of one object.
public protocol VirtioDevice: AnyObject, Sendable {
    associatedtype State: VirtioDeviceState

    var type: VirtioDeviceType { get }
    /// The features that the device type offers; the transport adds `VirtioFeatures.ofEveryDevice`. They
    /// never change.
    var features: VirtioFeatures { get }
    /// The maximum size of each queue; a power of two.
    var queueSizes: [UInt16] { get }
    /// The present content of the device's configuration space (4.2.2.2), little-endian. Any vCPU's thread
    /// may read it at any time.
    var configuration: [UInt8] { get }
    /// A number that changes whenever `configuration` does (4.2.2.2 ConfigGeneration).
    var configurationGeneration: UInt32 { get }
    /// The present counters of the device's work and its errors. Any thread may read them at any time.
    var counters: VirtioCounters { get }
    /// Handles the driver's write of `bytes` into the configuration space, on any vCPU's thread. Most devices
    /// have no writable fields.
    func writeConfiguration(_ bytes: ArraySlice<UInt8>, at offset: Int)
    /// Whether a notification of the queue calls `notified` on the notifying vCPU's thread instead of
    /// signalling the queue's doorbell: one exit instead of another thread's wake-up. Use it for queues that
    /// are served immediately and whose driver spins for the result, as Linux does for a console's output.
    /// The value never changes during the life of the device.
    func isNotifiedDirectly(_ queue: Int) -> Bool
    /// Handles a notification of the queue with that number (4.2.3.3). The device need not be active. Must
    /// not block.
    func notified(_ queue: Int)

    /// Activates the device: the driver has set DRIVER_OK (3.1.1). The device serves its queues from now on,
    /// until `reset`.
    ///
    /// If the configuration of a queue is invalid, throws an error, and the transport sets
    /// DEVICE_NEEDS_RESET.
    func activate(_ activation: VirtioActivation) throws(VirtqueueError)
    /// Resets the device (2.4), also one that is paused. After the return the device no longer touches guest
    /// memory.
    func reset()
    /// Drains the device. Waits for requests that its back end is carrying out.
    func pause()
    /// Lets a paused device serve its queues again, as if the driver had notified each of them.
    func resume()
    /// The state of a paused device.
    var state: State { get }
    /// Continues where `saved` was taken. `activation` is nil unless the saved device was serving its queues.
    /// On return the device is paused. Throws if the state cannot be one of this device.
    func restore(_ saved: State, _ activation: VirtioActivation?) throws(SavedStateError)
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
