#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    import Host
#endif

/// Splits a stream of bytes into frames. The parser keeps at most one unfinished frame, after checking its
/// length against the limit of its kind.
public struct FrameParser: Sendable {
    private var waiting: [UInt8] = []
    private var start = 0

    public init() {}

    /// Adds bytes that have arrived. Call `next` until it returns nil before the next call of this method.
    public mutating func append(_ bytes: some Collection<UInt8>) {
        if start == waiting.count {
            waiting.removeAll(keepingCapacity: true)
        } else if start > 0 {
            waiting.removeFirst(start)
        }
        start = 0
        waiting.append(contentsOf: bytes)
    }

    /// Returns the next whole frame, or nil if more bytes are needed.
    public mutating func next() throws(ProtocolError) -> Frame? {
        // `start` never passes `waiting.count`.
        guard waiting.count &- start >= FrameHeader.byteCount else { return nil }
        let header = try header()
        let payloadStart = start &+ FrameHeader.byteCount
        guard waiting.count &- payloadStart >= header.payloadByteCount else { return nil }
        let end = payloadStart &+ header.payloadByteCount
        start = end
        return Frame(header, payload: Array(waiting[payloadStart..<end]))
    }

    private func header() throws(ProtocolError) -> FrameHeader {
        var reader = ByteReader(waiting[start..<(start &+ FrameHeader.byteCount)])
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
