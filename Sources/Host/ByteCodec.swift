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

    /// Appends the number of bytes as 32 bits, then the bytes.
    public mutating func bytes(_ value: [UInt8]) {
        u32(UInt32(truncatingIfNeeded: value.count))
        bytes.append(contentsOf: value)
    }

    /// Appends whether there is a value, then the value as `write` appends it.
    @inlinable
    public mutating func optional<Value>(_ value: Value?, _ write: (inout ByteWriter, Value) -> Void) {
        flag(value != nil)
        if let value { write(&self, value) }
    }

    /// Appends whether there is a value, then the value.
    @inlinable
    public mutating func optional(_ value: (some ByteValue)?) {
        optional(value) { $1.write(to: &$0) }
    }

    /// Appends the number of elements as 32 bits, then each element.
    @inlinable
    public mutating func list(_ elements: [some ByteValue]) {
        list(elements) { $1.write(to: &$0) }
    }

    /// Appends the number of elements as 32 bits, then each element as `write` appends it.
    @inlinable
    public mutating func list<Element>(_ elements: [Element], _ write: (inout ByteWriter, Element) -> Void) {
        u32(UInt32(truncatingIfNeeded: elements.count))
        for element in elements { write(&self, element) }
    }
}

/// Reads little-endian fields from front to back, as `ByteWriter` appends them.
///
/// A read returns nil if too few bytes are left, and every later read then returns nil as well.
public struct ByteReader: Sendable {
    @usableFromInline let all: ArraySlice<UInt8>
    /// The number of bytes that were read: at most `all.count`.
    @usableFromInline var readCount = 0

    public init(_ bytes: ArraySlice<UInt8>) {
        all = bytes
    }

    public init(_ bytes: [UInt8]) {
        all = bytes[...]
    }

    /// Whether every byte was read.
    public var isAtEnd: Bool { restCount == 0 }

    @inlinable public mutating func u8() -> UInt8? { integer() }
    @inlinable public mutating func u16() -> UInt16? { integer() }
    @inlinable public mutating func u32() -> UInt32? { integer() }
    @inlinable public mutating func u64() -> UInt64? { integer() }

    /// Reads a byte that is 0 or 1.
    @inlinable
    public mutating func flag() -> Bool? {
        switch u8() {
        case 0: false
        case 1: true
        default: fail()
        }
    }

    /// Reads the number of bytes as 32 bits, then the bytes of a text. Refuses a zero byte, because the
    /// kernel reads these texts as C strings.
    public mutating func text() -> String? {
        guard let count = count(atMost: .max) else { return nil }
        let bytes = take(count)
        guard !bytes.contains(0) else { return fail() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads the number of bytes as 32 bits, at most `limit`, then the bytes in one copy.
    public mutating func bytes(atMost limit: Int) -> [UInt8]? {
        guard let count = count(atMost: limit) else { return nil }
        return Array(take(count))
    }

    /// Reads whether there is a value, then the value by `read`. The outer optional is nil if that fails, and
    /// the inner one if there is no value.
    @inlinable
    public mutating func optional<Value>(_ read: (inout ByteReader) -> Value?) -> Value?? {
        switch flag() {
        case false: return .some(nil)
        case true:
            guard let value = read(&self) else { return fail() }
            return .some(value)
        default: return nil
        }
    }

    /// Reads the number of elements as 32 bits, then each element by `read`.
    ///
    /// Each element takes at least a byte. A count above the number of bytes left is refused before anything
    /// is allocated for it.
    @inlinable
    public mutating func list<Element>(_ read: (inout ByteReader) -> Element?) -> [Element]? {
        guard let count = count(atMost: .max) else { return nil }
        var elements: [Element] = []
        for _ in 0..<count {
            guard let element = read(&self) else { return fail() }
            elements.append(element)
        }
        return elements
    }

    /// Reads a list of at most `limit` elements, for which it allocates once.
    @inlinable
    public mutating func list<Element>(
        atMost limit: Int, _ read: (inout ByteReader) -> Element?
    ) -> [Element]? {
        guard let count = count(atMost: limit) else { return nil }
        let list = unsafe [Element](unsafeUninitializedCapacity: count) { elements, elementCount in
            while elementCount < count, let element = read(&self) {
                unsafe elements.initializeElement(at: elementCount, to: element)
                elementCount &+= 1
            }
        }
        return list.count == count ? list : fail()
    }

    /// The number of bytes that are left.
    @inlinable var restCount: Int { all.count &- readCount }

    @inlinable
    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>() -> Value? {
        guard MemoryLayout<Value>.size <= restCount else { return fail() }
        let value = unsafe all.span.bytes.unsafeLoadUnaligned(fromByteOffset: readCount, as: Value.self)
        readCount &+= MemoryLayout<Value>.size
        return Value(littleEndian: value)
    }

    /// Reads a number as 32 bits. Refuses one above `limit`, or above the number of bytes that are left.
    @usableFromInline
    mutating func count(atMost limit: Int) -> Int? {
        guard let count = u32().flatMap({ Int(exactly: $0) }), count <= min(limit, restCount) else {
            return fail()
        }
        return count
    }

    /// Reads `count` bytes, which must be left.
    private mutating func take(_ count: Int) -> ArraySlice<UInt8> {
        let start = all.startIndex &+ readCount
        readCount &+= count
        return all[start..<start &+ count]
    }

    /// Makes every later read return nil as well.
    @inlinable
    mutating func fail<Value>() -> Value? {
        readCount = all.count
        return nil
    }
}

/// A value with a little-endian encoding: the payload of a frame, a record of the image store.
public protocol ByteValue: Sendable {
    func write(to writer: inout ByteWriter)
    init?(from reader: inout ByteReader)
}
