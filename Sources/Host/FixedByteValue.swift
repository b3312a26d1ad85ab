/// A value whose encoding has the same number of bytes whatever the value is. Any bytes of that number are
/// one. Long lists of such values are read without a check for each field.
public protocol FixedByteValue: ByteValue {
    static var encodedByteCount: Int { get }
    /// Decodes the value in the first `encodedByteCount` bytes.
    init(_ bytes: RawSpan)
}

extension ByteReader {
    /// Reads a list of at most `limit` elements of a fixed size, with one check of the bytes that are left.
    @inlinable
    public mutating func list<Element: FixedByteValue>(atMost limit: Int) -> [Element]? {
        let byteCount = Element.encodedByteCount
        guard let count = count(atMost: limit), count <= restCount / byteCount else { return fail() }
        let (all, start) = (all, readCount)
        readCount &+= count &* byteCount
        return unsafe [Element](unsafeUninitializedCapacity: count) { elements, elementCount in
            let bytes = unsafe all.span.bytes
            while elementCount < count {
                let first = start &+ elementCount &* byteCount
                // The guard found all elements to lie within the bytes.
                let record = unsafe bytes.extracting(
                    unchecked: Range(uncheckedBounds: (first, first &+ byteCount)))
                unsafe elements.initializeElement(at: elementCount, to: Element(record))
                elementCount &+= 1
            }
        }
    }

    /// Reads a value of a fixed size.
    @inlinable
    public mutating func fixed<Value: FixedByteValue>() -> Value? {
        guard Value.encodedByteCount <= restCount else { return fail() }
        let start = readCount
        readCount &+= Value.encodedByteCount
        return unsafe Value(all.span.bytes.extracting(start..<readCount))
    }
}

extension FixedByteValue {
    @inlinable
    public init?(from reader: inout ByteReader) {
        guard let value: Self = reader.fixed() else { return nil }
        self = value
    }
}

extension RawSpan {
    /// Returns the little-endian integer at `offset`, which must lie within the bytes.
    @inlinable
    public func field<Value: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> Value {
        Value(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}

extension UInt32: FixedByteValue {
    @inlinable public static var encodedByteCount: Int { 4 }

    @inlinable
    public init(_ bytes: RawSpan) {
        self = bytes.field(at: 0)
    }

    @inlinable
    public func write(to writer: inout ByteWriter) {
        writer.append(self)
    }
}
