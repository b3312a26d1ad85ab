/// Reads the values of a payload, little-endian, from front to back. Each is nil when the bytes do not suffice, and so is
/// everything after it.
public struct WireReader: Sendable {
    private var rest: ArraySlice<UInt8>

    public init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    public init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    /// Whether everything was read.
    public var isAtEnd: Bool { rest.isEmpty }

    public mutating func u8() -> UInt8? { rest.popFirst() }
    public mutating func u16() -> UInt16? { integer(2).map { UInt16(truncatingIfNeeded: $0) } }
    public mutating func u32() -> UInt32? { integer(4).map { UInt32(truncatingIfNeeded: $0) } }
    public mutating func u64() -> UInt64? { integer(8) }

    /// A byte that is 0 or 1.
    public mutating func flag() -> Bool? {
        switch u8() {
        case 0: false
        case 1: true
        default: nil
        }
    }

    /// A u32 with the number of bytes, and these. A zero byte is refused: all texts here end up with the kernel.
    public mutating func text() -> String? {
        guard let count = u32().flatMap({ Int(exactly: $0) }), count <= rest.count else { return fail() }
        let bytes = rest.prefix(count)
        rest = rest.dropFirst(count)
        guard !bytes.contains(0) else { return fail() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A u32 with the number of elements, and these. Each takes at least a byte, so a count that is larger than what is
    /// left is refused before anything is set aside for it.
    public mutating func list<Element>(_ read: (inout WireReader) -> Element?) -> [Element]? {
        guard let count = u32().flatMap({ Int(exactly: $0) }), count <= rest.count else { return fail() }
        var elements: [Element] = []
        for _ in 0..<count {
            guard let element = read(&self) else { return fail() }
            elements.append(element)
        }
        return elements
    }

    private mutating func integer(_ byteCount: Int) -> UInt64? {
        guard rest.count >= byteCount else { return fail() }
        var value: UInt64 = 0
        for byte in rest.prefix(byteCount).reversed() {
            value = value << 8 | UInt64(byte)
        }
        rest = rest.dropFirst(byteCount)
        return value
    }

    /// Nothing can be read any more.
    private mutating func fail<Value>() -> Value? {
        rest = []
        return nil
    }
}

/// Writes a payload, as `WireReader` reads it.
public struct WireWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func u8(_ value: UInt8) { bytes.append(value) }
    public mutating func u16(_ value: UInt16) { integer(UInt64(value), 2) }
    public mutating func u32(_ value: UInt32) { integer(UInt64(value), 4) }
    public mutating func u64(_ value: UInt64) { integer(value, 8) }
    public mutating func flag(_ value: Bool) { u8(value ? 1 : 0) }

    public mutating func text(_ value: String) {
        u32(UInt32(truncatingIfNeeded: value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    public mutating func list<Element>(_ elements: [Element], _ write: (inout WireWriter, Element) -> Void) {
        u32(UInt32(truncatingIfNeeded: elements.count))
        for element in elements { write(&self, element) }
    }

    private mutating func integer(_ value: UInt64, _ byteCount: Int) {
        for index in 0..<byteCount {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 &* index)))
        }
    }
}

/// What is the payload of a frame.
public protocol WireValue: Sendable {
    func write(to writer: inout WireWriter)
    init?(from reader: inout WireReader)
}

extension Frame {
    /// The payload as a `Value`, all of it.
    public func value<Value: WireValue>(_: Value.Type) throws(ProtocolError) -> Value {
        var reader = WireReader(payload)
        guard let value = Value(from: &reader), reader.isAtEnd else { throw .malformed(header.kind) }
        return value
    }

    /// A whole frame, ready to be sent.
    public static func bytes(_ header: FrameHeader, _ payload: some Collection<UInt8>) -> [UInt8] {
        headerBytes(header, payloadByteCount: payload.count) + payload
    }

    /// The bytes in front of a payload of that length, which follows by itself.
    public static func headerBytes(_ header: FrameHeader, payloadByteCount: Int) -> [UInt8] {
        var writer = WireWriter()
        writer.u32(UInt32(truncatingIfNeeded: payloadByteCount))
        writer.u8(header.kind.rawValue)
        writer.u8(header.stream.rawValue)
        writer.u16(header.process)
        return writer.bytes
    }

    /// A whole frame with that value.
    public static func bytes(_ header: FrameHeader, _ value: some WireValue) -> [UInt8] {
        var writer = WireWriter()
        value.write(to: &writer)
        return bytes(header, writer.bytes)
    }

    /// A whole frame without a payload.
    public static func bytes(_ header: FrameHeader) -> [UInt8] { bytes(header, []) }
}
