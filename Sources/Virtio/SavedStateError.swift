public import Host

/// The reason why a saved state is refused. A saved state comes from a file, so every number of it is checked
/// before it is used.
public enum SavedStateError: Error, Hashable, Sendable {
    /// The state is that of another device, or of this device with another configuration.
    case unfit(StaticReason)
    /// A queue cannot be continued as the state says.
    case badQueue(VirtqueueError)
}

extension SavedStateError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unfit(let reason): reason.text
        case .badQueue(let error): error.description
        }
    }
}

/// The state of a device: integers and arrays of them, and nothing of the host. Its bytes are as hostile as
/// the guest: whoever decodes them bounds each length, and `VirtioDevice.restore` checks the rest.
public protocol VirtioDeviceState: Hashable, ByteValue {
    /// The number that precedes the state's bytes and tells of which device they are.
    static var tag: VirtioStateTag { get }
}

/// The number in front of a saved device's state.
public struct VirtioStateTag: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Makes the tag of a device type: its number (Virtio 1.2, 5), and above it the `form`, which differs
    /// between devices of one type that have different states.
    public init(_ type: VirtioDeviceType, form: UInt8 = 0) {
        self.init(rawValue: type.rawValue | UInt32(form) << 16)
    }
}
