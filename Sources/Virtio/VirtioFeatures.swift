/// The 64 feature bits of a device, as offered or as negotiated (Virtio 1.2, 2.2).
public struct VirtioFeatures: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The feature with bit number `bit`.
    public init(bit: Int) {
        self.init(rawValue: 1 << UInt64(bit))
    }

    /// VIRTIO_F_INDIRECT_DESC: a descriptor may name a table of descriptors (6, 2.7.5.3).
    public static let indirectDescriptors = VirtioFeatures(bit: 28)
    /// VIRTIO_F_EVENT_IDX: both sides say at which index they want to hear again (6, 2.7.7.1).
    public static let eventIndex = VirtioFeatures(bit: 29)
    /// VIRTIO_F_VERSION_1: not a legacy device (6.1).
    public static let version1 = VirtioFeatures(bit: 32)

    /// What the virtqueue and the transport offer for every device.
    public static let ofEveryDevice: VirtioFeatures = [.version1, .indirectDescriptors, .eventIndex]
}
