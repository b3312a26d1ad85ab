/// A structure of little-endian fields that is being put together; it is emptied and used again.
struct ByteRecord {
    private(set) var bytes: [UInt8] = []

    var count: Int { bytes.count }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }

    mutating func append(_ value: some FixedWidthInteger) {
        unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func append(_ raw: some Sequence<UInt8>) {
        bytes.append(contentsOf: raw)
    }

    mutating func append(zeroes count: Int) {
        bytes.append(contentsOf: repeatElement(0, count: count))
    }

    /// Zeroes up to the next multiple of `alignment`.
    mutating func align(to alignment: Int) {
        append(zeroes: (alignment - count % alignment) % alignment)
    }

    /// Overwrites the field at `offset`, which must be there.
    mutating func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        precondition(offset >= 0 && offset <= count - MemoryLayout<Value>.size, "there is no such field")
        unsafe bytes.withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The little-endian number at `offset`, or nil where there is none.
    func number<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value? {
        guard offset >= 0, count >= MemoryLayout<Value>.size,
            offset <= count &- MemoryLayout<Value>.size
        else { return nil }
        return unsafe Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    /// `byteCount` bytes from `offset` on, or nil if they are not all there.
    func slice(at offset: Int, byteCount: Int) -> UnsafeRawBufferPointer? {
        guard offset >= 0, byteCount >= 0, offset <= count, byteCount <= count &- offset else {
            return nil
        }
        return unsafe UnsafeRawBufferPointer(rebasing: self[offset..<offset + byteCount])
    }
}
