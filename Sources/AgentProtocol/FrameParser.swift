#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    import Host
#endif

/// Cuts a stream of bytes into frames. It keeps at most one unfinished frame, whose length was checked against its
/// kind's limit first.
public struct FrameParser: Sendable {
    private var waiting: [UInt8] = []
    private var start = 0

    public init() {}

    /// Takes what has arrived. Call `next` until it gives nil before the next call of this.
    public mutating func append(_ bytes: some Collection<UInt8>) {
        if start == waiting.count {
            waiting.removeAll(keepingCapacity: true)
        } else if start > 0 {
            waiting.removeFirst(start)
        }
        start = 0
        waiting.append(contentsOf: bytes)
    }

    /// The next whole frame; nil when more bytes are needed for one.
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
        // Eight bytes are there, so none of these is nil.
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
