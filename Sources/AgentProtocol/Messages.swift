#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    public import Host
#endif

/// The first frame in each direction.
public struct Hello: ByteValue {
    public let version: UInt32

    public init(version: UInt32 = agentProtocolVersion) { self.version = version }

    public func write(to writer: inout ByteWriter) { writer.u32(version) }

    public init?(from reader: inout ByteReader) {
        guard let version = reader.u32() else { return nil }
        self.version = version
    }
}

/// The number of a signal of Linux on x86-64: 1 to 64.
public struct Signal: ByteValue {
    public let number: UInt8

    public init(number: UInt8) { self.number = number }

    public func write(to writer: inout ByteWriter) { writer.u8(number) }

    public init?(from reader: inout ByteReader) {
        guard let number = reader.u8(), (1...64).contains(number) else { return nil }
        self.number = number
    }
}

/// A terminal's size in characters.
public struct TerminalSize: ByteValue {
    public let columns: UInt16
    public let rows: UInt16

    public init(columns: UInt16, rows: UInt16) {
        self.columns = columns
        self.rows = rows
    }

    public func write(to writer: inout ByteWriter) {
        writer.u16(columns)
        writer.u16(rows)
    }

    public init?(from reader: inout ByteReader) {
        guard let columns = reader.u16(), let rows = reader.u16() else { return nil }
        self.init(columns: columns, rows: rows)
    }
}

/// A grant of credit: the number of further bytes of a stream that its sender may send. A stream starts with
/// `Credit.initial`.
public struct Credit: ByteValue {
    /// The number of bytes of a stream that its sender may send before the first grant.
    public static let initial = 256 << 10

    public let byteCount: UInt32

    public init(byteCount: UInt32) { self.byteCount = byteCount }

    public func write(to writer: inout ByteWriter) { writer.u32(byteCount) }

    public init?(from reader: inout ByteReader) {
        guard let byteCount = reader.u32() else { return nil }
        self.byteCount = byteCount
    }
}

/// A process that the guest's kernel killed for lack of memory.
public struct OutOfMemory: ByteValue {
    /// The process's name as the kernel logs it. A process chooses its own name: at most 15 bytes, some of
    /// them escaped as `\x1b`.
    public let process: String

    private static let limit = 60

    /// Makes the message for a process. A name longer than any that the kernel logs is cut.
    public init(process name: some Sequence<UInt8>) {
        process = String(decoding: Array(name.prefix(Self.limit)), as: UTF8.self)
    }

    public func write(to writer: inout ByteWriter) { writer.text(process) }

    public init?(from reader: inout ByteReader) {
        guard let process = reader.text() else { return nil }
        self.process = process
    }
}

/// The end of a process: its exit status or the signal that ended it.
public enum ExitStatus: ByteValue {
    /// The process called exit(2) with this status.
    case exited(UInt8)
    /// The signal of this number ended the process.
    case signaled(UInt8)

    public func write(to writer: inout ByteWriter) {
        switch self {
        case .exited(let status):
            writer.u8(0)
            writer.u8(status)
        case .signaled(let number):
            writer.u8(1)
            writer.u8(number)
        }
    }

    public init?(from reader: inout ByteReader) {
        guard let kind = reader.u8(), let number = reader.u8() else { return nil }
        switch kind {
        case 0: self = .exited(number)
        case 1 where (1...64).contains(number): self = .signaled(number)
        default: return nil
        }
    }
}

/// The reason why a container or a process could not be started, with a text for people.
public struct StartFailure: ByteValue, Error {
    public enum Reason: UInt8, Sendable {
        /// The set-up of the container or the process failed: status 125.
        case setUp = 0
        /// The program exists but cannot be run: status 126.
        case notExecutable = 1
        /// The program does not exist: status 127.
        case notFound = 2
    }

    public let reason: Reason
    /// One line: the operation that failed, its object, and the reason.
    public let message: String

    public init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    public func write(to writer: inout ByteWriter) {
        writer.u8(reason.rawValue)
        writer.text(message)
    }

    public init?(from reader: inout ByteReader) {
        guard let reason = reader.u8().flatMap({ Reason(rawValue: $0) }), let message = reader.text() else {
            return nil
        }
        self.init(reason, message)
    }
}
