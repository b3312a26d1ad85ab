/// Untrusted bytes of a file. A number is read as little-endian at any offset; it is nil if the bytes end
/// before it does. So no offset is out of range.
struct ImageBytes {
    let bytes: [UInt8]

    func load<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type = Value.self, at offset: UInt64
    ) -> Value? {
        let size = MemoryLayout<Value>.size
        guard let start = Int(exactly: offset), bytes.count >= size, start <= bytes.count &- size else {
            return nil
        }
        return unsafe bytes.withUnsafeBytes { raw in
            Value(littleEndian: unsafe raw.loadUnaligned(fromByteOffset: start, as: Value.self))
        }
    }

    /// Whether the bytes have `pattern` at `offset`.
    func has(_ pattern: StaticString, at offset: Int = 0) -> Bool {
        let count = pattern.utf8CodeUnitCount
        guard bytes.count >= count, offset <= bytes.count &- count else { return false }
        for index in 0..<count where unsafe bytes[offset + index] != pattern.utf8Start[index] { return false }
        return true
    }

    func has(_ pattern: [UInt8], at offset: Int = 0) -> Bool {
        bytes.dropFirst(offset).starts(with: pattern)
    }

    /// Returns `byteCount` bytes from `offset` on, or nil if there are fewer.
    func slice(at offset: UInt64, byteCount: UInt64) -> ImageBytes? {
        guard let start = Int(exactly: offset), let count = Int(exactly: byteCount), start <= bytes.count,
            count <= bytes.count &- start
        else { return nil }
        return ImageBytes(bytes: Array(bytes[start..<start + count]))
    }
}
