public import Host
public import Virtio

/// A value that was encoded cannot be decoded.
public struct NotDecoded: Error {
    public let bytes: [UInt8]
}

extension ByteValue {
    /// The value's encoding.
    public var encoded: [UInt8] {
        var writer = ByteWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Decodes a value that takes all of `bytes`; nil if they are malformed.
    public init?(decoding bytes: some Sequence<UInt8>) {
        var reader = ByteReader(Array(bytes))
        self.init(from: &reader)
        guard reader.isAtEnd else { return nil }
    }

    /// Returns the value as it comes back from its encoding.
    public func throughBytes() throws -> Self {
        guard let value = Self(decoding: encoded) else { throw NotDecoded(bytes: encoded) }
        return value
    }
}

extension VirtioTransport.State {
    /// Returns the state as it comes back from its encoding.
    public func throughBytes() throws -> VirtioTransport.State {
        var writer = ByteWriter()
        write(to: &writer)
        var reader = ByteReader(writer.bytes)
        let type = type(of: device)
        let state = VirtioTransport.State(from: &reader) { tag, reader in
            tag == type.tag ? type.init(from: &reader) : nil
        }
        guard let state, reader.isAtEnd else { throw NotDecoded(bytes: writer.bytes) }
        return state
    }
}
