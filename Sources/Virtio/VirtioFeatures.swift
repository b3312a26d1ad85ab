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
