#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    public import Host
#endif

/// The version of this protocol. Both sides send their version first, in `hello`; the versions must be equal.
public let agentProtocolVersion: UInt32 = 3

/// The kind of a frame. The raw values are on the wire and never change their meaning.
public enum FrameKind: UInt8, Sendable {
    /// First frame, in both directions: a `Hello`.
    case hello = 1
    /// To the agent, once, after `identity`: a `ContainerSpecification`, by which the agent completes the
    /// set-up of the container.
    case container = 2
    /// To the agent: a `ProcessSpecification` for the process number in the header, which must not be in use.
    case start = 3
    /// To the agent: a `Signal` for the process.
    case signal = 4
    /// To the agent: a `TerminalSize` for the process's terminal.
    case resize = 5
    /// To the agent: a request to end all processes and power the machine off. No payload.
    case shutdown = 6
    /// To the agent, once, after `hello`: a `Preparation`. The agent sets up all that is the same for every
    /// container of an image.
    case prepare = 7
    /// To the agent, once, after `prepare`: a `GuestIdentity`, by which the guest differs from every other
    /// guest that was prepared with it.
    case identity = 8
    /// To the monitor: the process runs. No payload.
    case started = 16
    /// To the monitor: the process, or with number 0 the container, could not be started; a `StartFailure`.
    case failed = 17
    /// To the monitor: an `ExitStatus`, after the last byte of the process's streams. The process's number is
    /// free again.
    case exited = 18
    /// To the monitor: a line of UTF-8 for the monitor's log.
    case log = 19
    /// To the monitor: an `OutOfMemory`, because the guest's kernel killed a process when the guest's memory
    /// was exhausted.
    case outOfMemory = 20
    /// To the monitor: what `prepare` asked for is done, and the agent waits for `identity`. No payload.
    case prepared = 21
    /// To the monitor: the guest's random generator is reseeded and its clock is set. No payload.
    case identified = 22
    /// Bytes of the stream, in both directions: at least one, and at most as many as the sender has credit
    /// for.
    case data = 32
    /// The end of the stream, in both directions. No payload. The stream's sender announces that no more
    /// bytes follow. The stream's receiver announces that nobody reads the stream any more: bytes under way
    /// are dropped, and no credit is granted for them.
    case end = 33
    /// A `Credit`, in both directions, by which the stream's sender may send more bytes.
    case credit = 34
}

/// A process's streams. A process with a terminal has `input` and `output` only.
public enum StreamKind: UInt8, Sendable {
    case input = 0
    case output = 1
    case error = 2
}

/// The eight bytes in front of each payload, all little-endian:
///
/// ```
///   0  u32  the payload's length in bytes
///   4  u8   FrameKind
///   5  u8   StreamKind for data, end and credit; otherwise 0
///   6  u16  the process's number, or 0 for the container
/// ```
public struct FrameHeader: Sendable {
    public static let byteCount = 8

    public var kind: FrameKind
    public var stream: StreamKind
    public var process: UInt16
    public var payloadByteCount: Int

    public init(
        _ kind: FrameKind, process: UInt16 = 0, stream: StreamKind = .input, payloadByteCount: Int = 0
    ) {
        self.kind = kind
        self.stream = stream
        self.process = process
        self.payloadByteCount = payloadByteCount
    }

    /// Returns the longest payload of a frame of `kind`, in bytes.
    public static func payloadLimit(_ kind: FrameKind) -> Int {
        switch kind {
        case .data: 32 << 10
        case .container, .start: 4 << 20
        case .log, .failed: 4 << 10
        case .identity: GuestIdentity.byteCount
        default: 64
        }
    }
}

/// A received frame: a header that was checked, and its payload.
public struct Frame: Sendable {
    public let header: FrameHeader
    public private(set) var payload: [UInt8]

    public init(_ header: FrameHeader, payload: [UInt8]) {
        self.header = header
        self.payload = payload
    }
}

/// A violation of the protocol by the other side. The connection cannot recover, because the start of the
/// next frame is unknown.
public enum ProtocolError: Error, Sendable {
    case unknownKind(UInt8)
    case unknownStream(UInt8)
    /// A payload is longer than its kind allows.
    case tooLong(FrameKind)
    /// A payload ends early, is too long for its content, or has an invalid field.
    case malformed(FrameKind)
    /// A frame is out of place: for example a second container.
    case unexpected(FrameKind)
    /// More data arrived than the sender had credit for.
    case noCredit(StreamKind)
}

extension Frame {
    /// Decodes the whole payload as a `Value`. Throws if a part of the payload is missing or left over.
    public func value<Value: ByteValue>(_: Value.Type) throws(ProtocolError) -> Value {
        var reader = ByteReader(payload)
        guard let value = Value(from: &reader), reader.isAtEnd else { throw .malformed(header.kind) }
        return value
    }

    /// Overwrites the payload with zeroes, because it is a secret.
    mutating func erasePayload() {
        for index in payload.indices { payload[index] = 0 }
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
