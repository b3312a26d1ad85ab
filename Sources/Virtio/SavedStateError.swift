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

/// The state of a device: integers and arrays of them, and nothing of the host.
public protocol VirtioDeviceState: Hashable, Sendable {}
