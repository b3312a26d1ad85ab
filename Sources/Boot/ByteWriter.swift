/// Builds a structure of little-endian fields, in the order of its specification.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    /// A structure of `count` zeroes, to fill in by `store`.
    init(zeroes count: Int) {
        bytes = [UInt8](repeating: 0, count: count)
    }

    mutating func append(_ value: some FixedWidthInteger) {
        unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func append(_ raw: [UInt8]) {
        bytes.append(contentsOf: raw)
    }

    /// Text of a fixed width, filled up with `filler` (ACPI's identifiers).
    mutating func append(text: String, width: Int, filler: UInt8) {
        precondition(text.utf8.count <= width, "the text is wider than its field")
        bytes.append(contentsOf: text.utf8)
        bytes.append(contentsOf: repeatElement(filler, count: width - text.utf8.count))
    }

    mutating func append(zeroes count: Int) {
        bytes.append(contentsOf: repeatElement(0, count: count))
    }

    /// Overwrites the field at `offset`, which must be there.
    mutating func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        precondition(
            offset >= 0 && offset <= bytes.count - MemoryLayout<Value>.size, "there is no such field")
        unsafe bytes.withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
        }
    }

    mutating func store(_ raw: [UInt8], at offset: Int) {
        bytes.replaceSubrange(offset..<offset + raw.count, with: raw)
    }
}
