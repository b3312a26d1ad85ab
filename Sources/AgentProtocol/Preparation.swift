#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    public import Host
#endif

/// The part of a container's set-up that is the same for every container of an image. A guest that has done
/// it can be saved, and each container of the image can continue from the saved guest.
public struct Preparation: ByteValue, Equatable {
    /// The storage of the writable layer.
    public enum Layer: UInt8, Sendable {
        /// The guest's memory; also for a root without a writable layer.
        case memory = 0
        /// The disk of `ContainerSpecification.Writable.disk`. Such a guest serves one container.
        case disk = 1
    }

    public let layer: Layer

    public init(layer: Layer) { self.layer = layer }

    /// Makes the preparation for containers like `specification`.
    public init(for specification: ContainerSpecification) {
        if case .disk = specification.writable { layer = .disk } else { layer = .memory }
    }

    public func write(to writer: inout ByteWriter) { writer.u8(layer.rawValue) }

    public init?(from reader: inout ByteReader) {
        guard let layer = reader.u8().flatMap({ Layer(rawValue: $0) }) else { return nil }
        self.layer = layer
    }
}
