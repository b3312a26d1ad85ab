#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    public import Host
#endif

extension Frame {
    /// Decodes the whole payload as a `Value`. Throws if a part of the payload is missing or left over.
    public func value<Value: ByteValue>(_: Value.Type) throws(ProtocolError) -> Value {
        var reader = ByteReader(payload)
        guard let value = Value(from: &reader), reader.isAtEnd else { throw .malformed(header.kind) }
        return value
    }

    /// Returns a whole frame, ready to be sent.
    public static func bytes(_ header: FrameHeader, _ payload: some Collection<UInt8>) -> [UInt8] {
        headerBytes(header, payloadByteCount: payload.count) + payload
    }

    /// Returns the header's bytes for a payload of `payloadByteCount` bytes, which the caller sends
    /// separately.
    public static func headerBytes(_ header: FrameHeader, payloadByteCount: Int) -> [UInt8] {
        var writer = ByteWriter()
        writer.u32(UInt32(truncatingIfNeeded: payloadByteCount))
        writer.u8(header.kind.rawValue)
        writer.u8(header.stream.rawValue)
        writer.u16(header.process)
        return writer.bytes
    }

    /// Returns a whole frame whose payload is the encoding of `value`.
    public static func bytes(_ header: FrameHeader, _ value: some ByteValue) -> [UInt8] {
        var writer = ByteWriter()
        value.write(to: &writer)
        return bytes(header, writer.bytes)
    }

    /// Returns a whole frame without a payload.
    public static func bytes(_ header: FrameHeader) -> [UInt8] { bytes(header, []) }
}
