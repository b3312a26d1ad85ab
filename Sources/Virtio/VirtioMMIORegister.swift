import GuestMemory

/// The registers of the MMIO transport at their offsets (Virtio 1.2, 4.2.2, table 4.1). Each is 32 bits wide.
enum VirtioMMIORegister: UInt64 {
    case magicValue = 0x000
    case version = 0x004
    case deviceID = 0x008
    case vendorID = 0x00C
    case deviceFeatures = 0x010
    case deviceFeaturesSelect = 0x014
    case driverFeatures = 0x020
    case driverFeaturesSelect = 0x024
    case queueSelect = 0x030
    case queueSizeMax = 0x034
    case queueSize = 0x038
    case queueReady = 0x044
    case queueNotify = 0x050
    case interruptStatus = 0x060
    case interruptACK = 0x064
    case status = 0x070
    case queueDescriptorLow = 0x080
    case queueDescriptorHigh = 0x084
    case queueDriverLow = 0x090
    case queueDriverHigh = 0x094
    case queueDeviceLow = 0x0A0
    case queueDeviceHigh = 0x0A4
    case sharedMemoryLengthLow = 0x0B0
    case sharedMemoryLengthHigh = 0x0B4
    case sharedMemoryBaseLow = 0x0B8
    case sharedMemoryBaseHigh = 0x0BC
    case configurationGeneration = 0x0FC
}

/// The device status field (Virtio 1.2, 2.1).
struct VirtioStatus: OptionSet, Sendable {
    let rawValue: UInt32

    static let acknowledge = VirtioStatus(rawValue: 1)
    static let driver = VirtioStatus(rawValue: 2)
    static let driverOK = VirtioStatus(rawValue: 4)
    static let featuresOK = VirtioStatus(rawValue: 8)
    static let needsReset = VirtioStatus(rawValue: 64)
    static let failed = VirtioStatus(rawValue: 128)

    /// The bits that the driver may set, in the order in which it must set them (3.1.1).
    static let setByDriver: VirtioStatus = [.acknowledge, .driver, .driverOK, .featuresOK, .failed]
}

/// The driver's settings of the transport: plain values that can be saved and restored.
struct VirtioMMIOState: Sendable {
    var status: VirtioStatus = []
    var deviceFeaturesSelect: UInt32 = 0
    var driverFeaturesSelect: UInt32 = 0
    var driverFeatures: UInt64 = 0
    var queueSelect: UInt32 = 0
    var queues: [VirtqueueConfiguration]

    init(queueSizes: [UInt16]) {
        queues = queueSizes.map(VirtqueueConfiguration.init(size:))
    }

    /// The number of the selected queue, or nil if the device has no such queue.
    var selectedQueue: Int? {
        guard let index = Int(exactly: queueSelect), index < queues.count else { return nil }
        return index
    }
}
