/// Builds a structure of little-endian fields, in the order of its specification.
///
/// The guest's agent compiles this file too, as part of its own module.
public struct ByteWriter: Sendable {
    public var bytes: [UInt8] = []

    @inlinable
    public init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    /// Makes a structure of `count` zeroes, whose fields `store` fills in.
    @inlinable
    public init(zeroes count: Int) {
        bytes = [UInt8](repeating: 0, count: count)
    }

    @inlinable public var count: Int { bytes.count }

    /// Empties the structure and keeps its memory.
    @inlinable
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }

    @inlinable
    public mutating func append(_ value: some FixedWidthInteger) {
        unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    @inlinable
    public mutating func append(_ raw: some Sequence<UInt8>) {
        bytes.append(contentsOf: raw)
    }

    /// Appends a text and fills it up to `width` bytes with `filler` (ACPI's identifiers).
    @inlinable
    public mutating func append(text: String, width: Int, filler: UInt8) {
        precondition(text.utf8.count <= width, "the text is wider than its field")
        bytes.append(contentsOf: text.utf8)
        bytes.append(contentsOf: repeatElement(filler, count: width - text.utf8.count))
    }

    @inlinable
    public mutating func append(zeroes count: Int) {
        bytes.append(contentsOf: repeatElement(0, count: count))
    }

    /// Appends zeroes up to the next multiple of `alignment`.
    @inlinable
    public mutating func align(to alignment: Int) {
        append(zeroes: (alignment - count % alignment) % alignment)
    }

    /// Overwrites the field at `offset`, which must lie within the structure.
    @inlinable
    public mutating func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        precondition(
            offset >= 0 && offset <= count - MemoryLayout<Value>.size, "the structure lacks the field")
        unsafe bytes.withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
        }
    }

    @inlinable
    public mutating func store(_ raw: [UInt8], at offset: Int) {
        bytes.replaceSubrange(offset..<offset + raw.count, with: raw)
    }

    // The counterparts of the reads of `ByteReader`: the caller names the width.

    public mutating func u8(_ value: UInt8) { bytes.append(value) }
    public mutating func u16(_ value: UInt16) { append(value) }
    public mutating func u32(_ value: UInt32) { append(value) }
    public mutating func u64(_ value: UInt64) { append(value) }

    /// Appends a byte that is 0 or 1.
    public mutating func flag(_ value: Bool) { u8(value ? 1 : 0) }

    /// Appends the number of bytes of a text as 32 bits, then the bytes.
    public mutating func text(_ value: String) {
        u32(UInt32(truncatingIfNeeded: value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    /// Appends the number of elements as 32 bits, then each element as `write` appends it.
    public mutating func list<Element>(_ elements: [Element], _ write: (inout ByteWriter, Element) -> Void) {
        u32(UInt32(truncatingIfNeeded: elements.count))
        for element in elements { write(&self, element) }
    }
}

/// Reads little-endian fields from front to back, as `ByteWriter` appends them.
///
/// A read returns nil if too few bytes are left, and every later read then returns nil as well.
public struct ByteReader: Sendable {
    private var rest: ArraySlice<UInt8>

    public init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    public init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    /// Whether every byte was read.
    public var isAtEnd: Bool { rest.isEmpty }

    public mutating func u8() -> UInt8? { rest.popFirst() }
    public mutating func u16() -> UInt16? { integer(2).map { UInt16(truncatingIfNeeded: $0) } }
    public mutating func u32() -> UInt32? { integer(4).map { UInt32(truncatingIfNeeded: $0) } }
    public mutating func u64() -> UInt64? { integer(8) }

    /// Reads a byte that is 0 or 1.
    public mutating func flag() -> Bool? {
        switch u8() {
        case 0: false
        case 1: true
        default: nil
        }
    }

    /// Reads the number of bytes as 32 bits, then the bytes of a text. Refuses a zero byte, because the
    /// kernel reads these texts as C strings.
    public mutating func text() -> String? {
        guard let count = u32().flatMap({ Int(exactly: $0) }), count <= rest.count else { return fail() }
        let bytes = rest.prefix(count)
        rest = rest.dropFirst(count)
        guard !bytes.contains(0) else { return fail() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads the number of elements as 32 bits, then each element by `read`.
    ///
    /// Each element takes at least a byte. A count above the number of bytes left is refused before anything
    /// is allocated for it.
    public mutating func list<Element>(_ read: (inout ByteReader) -> Element?) -> [Element]? {
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

    /// Makes every later read return nil as well.
    private mutating func fail<Value>() -> Value? {
        rest = []
        return nil
    }
}

/// A value with a little-endian encoding: the payload of a frame, a record of the image store.
public protocol ByteValue: Sendable {
    func write(to writer: inout ByteWriter)
    init?(from reader: inout ByteReader)
}
