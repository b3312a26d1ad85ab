#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    public import Host
#endif

extension Frame {
    /// The payload as a `Value`, all of it.
    public func value<Value: ByteValue>(_: Value.Type) throws(ProtocolError) -> Value {
        var reader = ByteReader(payload)
        guard let value = Value(from: &reader), reader.isAtEnd else { throw .malformed(header.kind) }
        return value
    }

    /// A whole frame, ready to be sent.
    public static func bytes(_ header: FrameHeader, _ payload: some Collection<UInt8>) -> [UInt8] {
        headerBytes(header, payloadByteCount: payload.count) + payload
    }

    /// The bytes in front of a payload of that length, which follows by itself.
    public static func headerBytes(_ header: FrameHeader, payloadByteCount: Int) -> [UInt8] {
        var writer = ByteWriter()
        writer.u32(UInt32(truncatingIfNeeded: payloadByteCount))
        writer.u8(header.kind.rawValue)
        writer.u8(header.stream.rawValue)
        writer.u16(header.process)
        return writer.bytes
    }

    /// A whole frame with that value.
    public static func bytes(_ header: FrameHeader, _ value: some ByteValue) -> [UInt8] {
        var writer = ByteWriter()
        value.write(to: &writer)
        return bytes(header, writer.bytes)
    }

    /// A whole frame without a payload.
    public static func bytes(_ header: FrameHeader) -> [UInt8] { bytes(header, []) }
}
