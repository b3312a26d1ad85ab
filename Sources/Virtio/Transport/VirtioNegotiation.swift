import GuestMemory
public import Host

/// The device status field (Virtio 1.2, 2.1).
public struct VirtioStatus: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    public static let acknowledge = VirtioStatus(rawValue: 1)
    public static let driver = VirtioStatus(rawValue: 2)
    public static let driverOK = VirtioStatus(rawValue: 4)
    public static let featuresOK = VirtioStatus(rawValue: 8)
    public static let needsReset = VirtioStatus(rawValue: 64)
    public static let failed = VirtioStatus(rawValue: 128)

    /// The bits that the driver may set, in the order in which it must set them (3.1.1).
    static let setByDriver: VirtioStatus = [.acknowledge, .driver, .driverOK, .featuresOK, .failed]
}

/// The negotiation between a driver and a device: feature bits, device status and the set-up of the queues
/// (Virtio 1.2, 2.1, 2.2 and 3.1).
///
/// It is a plain value that knows neither a device nor the way to it. Each transport translates the driver's
/// accesses into its methods: `VirtioMMIO` does so for registers in a window of memory. The selectors are
/// part of it because the registers of PCI have the same ones (4.1.4.3).
public struct VirtioNegotiation: Hashable, Sendable {
    /// The settings of the driver: plain values that can be saved and restored.
    public struct State: Hashable, Sendable {
        public var status: VirtioStatus = []
        /// The number of the 32-bit word of the device's features that the driver reads next.
        public var deviceFeaturesSelect: UInt32 = 0
        /// The number of the 32-bit word of the driver's features that the driver writes next.
        public var driverFeaturesSelect: UInt32 = 0
        public var driverFeatures: VirtioFeatures = []
        /// The number of the queue that the driver sets up next.
        public var queueSelect: UInt32 = 0
        public var queues: [VirtqueueConfiguration]

        public init(queueSizes: [UInt16]) {
            queues = queueSizes.map(VirtqueueConfiguration.init(size:))
        }
    }

    /// The consequence of a write to the status register.
    public enum Step: Hashable, Sendable {
        case nothing
        /// The driver has reset the device (2.4), and the negotiation starts again.
        case reset
        /// The driver has set DRIVER_OK: the device serves its queues from now on.
        case activate
        /// The driver has broken this rule.
        case fault(StaticReason)
    }

    /// The features that the device offers.
    public let offered: VirtioFeatures
    /// The maximum size of each queue.
    public let maximumQueueSizes: [UInt16]
    public private(set) var state: State

    /// Makes the negotiation for a device that has just been reset.
    public init(offered: VirtioFeatures, maximumQueueSizes: [UInt16]) {
        self.offered = offered
        self.maximumQueueSizes = maximumQueueSizes
        state = State(queueSizes: maximumQueueSizes)
    }

    /// Makes the negotiation that continues at `saved`. Throws if no driver could have got so far with this
    /// device.
    public init(
        _ saved: State, offered: VirtioFeatures, maximumQueueSizes: [UInt16]
    ) throws(SavedStateError) {
        self.init(offered: offered, maximumQueueSizes: maximumQueueSizes)
        guard saved.status.isSubset(of: .setByDriver) else { throw .unfit("an unknown bit of the status") }
        guard saved.queues.count == maximumQueueSizes.count else { throw .unfit("another number of queues") }
        for (queue, maximum) in zip(saved.queues, maximumQueueSizes) where queue.size > maximum {
            throw .unfit("a queue above its maximum size")
        }
        state = saved
        guard !saved.status.contains(.featuresOK) || areFeaturesAcceptable else {
            throw .unfit("features that this device does not offer")
        }
    }

    /// Whether the driver has brought the device up to DRIVER_OK by the rules.
    public var isActive: Bool { state.status.isSuperset(of: [.featuresOK, .driverOK]) }
}

/// Feature bits (2.2).
extension VirtioNegotiation {
    /// The selected word of the offered features. Words above 1 are zero.
    public var offeredWord: UInt32 {
        guard state.deviceFeaturesSelect <= 1 else { return 0 }
        return UInt32(truncatingIfNeeded: offered.rawValue >> (32 &* UInt64(state.deviceFeaturesSelect)))
    }

    public mutating func selectOfferedWord(_ index: UInt32) { state.deviceFeaturesSelect = index }
    public mutating func selectDriverWord(_ index: UInt32) { state.driverFeaturesSelect = index }

    /// Sets the selected word of the driver's features. They are negotiated before FEATURES_OK and fixed
    /// afterwards (3.1.1).
    public mutating func setDriverWord(_ value: UInt32) {
        guard !state.status.contains(.featuresOK), state.driverFeaturesSelect <= 1 else { return }
        let shift = 32 &* UInt64(state.driverFeaturesSelect)
        let others = state.driverFeatures.rawValue & ~(0xFFFF_FFFF << shift)
        state.driverFeatures = VirtioFeatures(rawValue: others | UInt64(value) << shift)
    }

    /// Whether the device can work with the driver's features (3.1.1, step 5).
    private var areFeaturesAcceptable: Bool {
        state.driverFeatures.isSubset(of: offered) && state.driverFeatures.contains(.version1)
    }
}

/// The status machine (2.1, 3.1.1).
extension VirtioNegotiation {
    /// Handles the driver's write to the status register, and returns the transport's next step.
    public mutating func setStatus(_ value: UInt32) -> Step {
        if value == 0 {
            state = State(queueSizes: maximumQueueSizes)
            return .reset
        }
        let old = state.status
        let new = VirtioStatus(rawValue: value).intersection(.setByDriver)
        guard new.isSuperset(of: old) else { return .fault("a status bit was cleared without a reset") }
        state.status = new
        // FEATURES_OK stays unset if the features are not supported; the driver looks (3.1.1, steps 5 and 6).
        if !old.contains(.featuresOK), !areFeaturesAcceptable { state.status.remove(.featuresOK) }
        guard new.contains(.driverOK), !old.contains(.driverOK) else { return .nothing }
        return state.status.contains(.featuresOK) ? .activate : .fault("DRIVER_OK before FEATURES_OK")
    }
}

/// The set-up of the queues (3.1.1, step 7).
extension VirtioNegotiation {
    public mutating func selectQueue(_ index: UInt32) { state.queueSelect = index }

    /// The number of the selected queue, or nil if the device has no such queue.
    public var selectedQueue: Int? {
        guard let index = Int(exactly: state.queueSelect), index < state.queues.count else { return nil }
        return index
    }

    /// The maximum size of the selected queue, or 0 if the device has no such queue.
    public var selectedMaximumSize: UInt16 { selectedQueue.map { maximumQueueSizes[$0] } ?? 0 }
    /// Whether the driver has enabled the selected queue.
    public var isSelectedQueueReady: Bool { selectedQueue.map { state.queues[$0].isReady } ?? false }

    /// Enables or disables the selected queue.
    public mutating func setReady(_ isReady: Bool) {
        guard let index = queueInSetUp else { return }
        state.queues[index].isReady = isReady
    }

    /// Sets the size of the selected queue. A size above the maximum becomes 0, which `Virtqueue.init`
    /// refuses.
    public mutating func setSize(_ value: UInt32) {
        guard let index = changeableQueue else { return }
        let isPossible = value <= UInt32(maximumQueueSizes[index])
        state.queues[index].size = isPossible ? UInt16(truncatingIfNeeded: value) : 0
    }

    /// Sets the low half of the address of a part of the selected queue.
    public mutating func setLow(_ part: VirtqueueConfiguration.Part, _ value: UInt32) {
        setAddress(part) { $0 & 0xFFFF_FFFF_0000_0000 | UInt64(value) }
    }

    /// Sets the high half of the address of a part of the selected queue.
    public mutating func setHigh(_ part: VirtqueueConfiguration.Part, _ value: UInt32) {
        setAddress(part) { $0 & 0xFFFF_FFFF | UInt64(value) << 32 }
    }

    private mutating func setAddress(_ part: VirtqueueConfiguration.Part, _ change: (UInt64) -> UInt64) {
        guard let index = changeableQueue else { return }
        state.queues[index][part] = GuestAddress(change(state.queues[index][part].rawValue))
    }

    /// The selected queue, if the driver may set it up: between FEATURES_OK and DRIVER_OK.
    private var queueInSetUp: Int? {
        let isInSetUp = state.status.contains(.featuresOK) && !state.status.contains(.driverOK)
        return isInSetUp ? selectedQueue : nil
    }

    /// The selected queue, if its parts may change: only while it is not ready (4.2.2.2).
    private var changeableQueue: Int? {
        guard let index = queueInSetUp, !state.queues[index].isReady else { return nil }
        return index
    }
}

extension VirtioNegotiation.State: ByteValue {
    /// The largest number of queues of a saved device.
    private static let queueLimit = 64

    public func write(to writer: inout ByteWriter) {
        writer.u32(status.rawValue)
        writer.u32(deviceFeaturesSelect)
        writer.u32(driverFeaturesSelect)
        writer.u64(driverFeatures.rawValue)
        writer.u32(queueSelect)
        writer.list(queues)
    }

    public init?(from reader: inout ByteReader) {
        guard let status = reader.u32(), let deviceFeaturesSelect = reader.u32(),
            let driverFeaturesSelect = reader.u32(), let driverFeatures = reader.u64(),
            let queueSelect = reader.u32(),
            let queues = reader.list(atMost: Self.queueLimit, VirtqueueConfiguration.init(from:))
        else { return nil }
        self.status = VirtioStatus(rawValue: status)
        self.deviceFeaturesSelect = deviceFeaturesSelect
        self.driverFeaturesSelect = driverFeaturesSelect
        self.driverFeatures = VirtioFeatures(rawValue: driverFeatures)
        self.queueSelect = queueSelect
        self.queues = queues
    }
}
