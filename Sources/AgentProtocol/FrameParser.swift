#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    import Host
#endif

/// Splits a stream of bytes into frames. The parser keeps at most one unfinished frame, after checking its
/// length against the limit of its kind.
public struct FrameParser: Sendable {
    private var queue = ByteQueue()

    public init() {}

    /// Adds bytes that have arrived. Call `next` until it returns nil before the next call of this method.
    public mutating func append(_ bytes: some Collection<UInt8>) { queue.append(bytes) }

    /// Returns the next whole frame, or nil if more bytes are needed.
    public mutating func next() throws(ProtocolError) -> Frame? {
        guard queue.count >= FrameHeader.byteCount else { return nil }
        let header = try header()
        // The payload's length is below its limit, so the sum cannot overflow.
        let byteCount = FrameHeader.byteCount &+ header.payloadByteCount
        guard queue.count >= byteCount else { return nil }
        let payload = Array(queue.waiting.prefix(byteCount).dropFirst(FrameHeader.byteCount))
        if header.kind == .identity { queue.eraseFirst(byteCount) } else { queue.removeFirst(byteCount) }
        return Frame(header, payload: payload)
    }

    private func header() throws(ProtocolError) -> FrameHeader {
        var reader = ByteReader(queue.waiting.prefix(FrameHeader.byteCount))
        // None of these is nil: the header's eight bytes have arrived.
        let byteCount = reader.u32() ?? .max
        let rawKind = reader.u8() ?? 0
        let rawStream = reader.u8() ?? 0
        let process = reader.u16() ?? 0
        guard let kind = FrameKind(rawValue: rawKind) else { throw .unknownKind(rawKind) }
        guard let stream = StreamKind(rawValue: rawStream) else { throw .unknownStream(rawStream) }
        guard let length = Int(exactly: byteCount), length <= FrameHeader.payloadLimit(kind) else {
            throw .tooLong(kind)
        }
        return FrameHeader(kind, process: process, stream: stream, payloadByteCount: length)
    }
}
