/// The version of this protocol. Both sides say theirs first, in `hello`; they must be equal.
public let agentProtocolVersion: UInt32 = 2

/// What a frame says. The raw values are on the wire and never change their meaning.
public enum FrameKind: UInt8, Sendable {
    /// Both ways, first: a `Hello`.
    case hello = 1
    /// To the agent, once: a `ContainerSpecification`. The container's file systems are set up.
    case container = 2
    /// To the agent: a `ProcessSpecification`, for the process number in the header, which is not in use.
    case start = 3
    /// To the agent: a `Signal` for the process.
    case signal = 4
    /// To the agent: a `TerminalSize` for the process's terminal.
    case resize = 5
    /// To the agent: end all processes and power the machine off. No payload.
    case shutdown = 6
    /// From the agent: the process runs. No payload.
    case started = 16
    /// From the agent: the process, or with number 0 the container, could not be started: a `StartFailure`.
    case failed = 17
    /// From the agent: an `ExitStatus`, after the last byte of the process's streams. Its number is free again.
    case exited = 18
    /// From the agent: a line of UTF-8 for the monitor's log.
    case log = 19
    /// From the agent: the guest's kernel killed a process because the guest's memory was spent: an `OutOfMemory`.
    case outOfMemory = 20
    /// Both ways: bytes of the stream, at most as many as there is credit for, and not none.
    case data = 32
    /// Both ways: the stream has ended. No payload. From its sender: no more bytes follow. From its receiver: nobody
    /// reads it any more; what is still under way is dropped, and no credit is given for it.
    case end = 33
    /// Both ways: a `Credit`, how many more bytes of the stream may be sent than before.
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

    /// The longest payload that a frame of the kind may have.
    public static func payloadLimit(_ kind: FrameKind) -> Int {
        switch kind {
        case .data: 32 << 10
        case .container, .start: 4 << 20
        case .log, .failed: 4 << 10
        default: 64
        }
    }
}

/// A frame as it came: a header that was checked, and its payload.
public struct Frame: Sendable {
    public let header: FrameHeader
    public let payload: [UInt8]

    public init(_ header: FrameHeader, payload: [UInt8]) {
        self.header = header
        self.payload = payload
    }
}

/// The other side broke the protocol. There is no way back: where the next frame starts is unknown.
public enum ProtocolError: Error, Sendable {
    case unknownKind(UInt8)
    case unknownStream(UInt8)
    /// A payload that is longer than its kind may be.
    case tooLong(FrameKind)
    /// A payload that ends early, goes on too long, or says what cannot be.
    case malformed(FrameKind)
    /// A frame that has no place here: for example a second container.
    case unexpected(FrameKind)
    /// More data than there was credit for.
    case noCredit(StreamKind)
}
