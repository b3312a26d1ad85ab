import CHost
import Glibc

extension UnsafeRawBufferPointer {
    /// Returns the little-endian number at `offset`, or nil if the buffer ends before the number does.
    @inlinable
    public func number<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at offset: Int)
        -> Value?
    {
        guard offset >= 0, count >= MemoryLayout<Value>.size,
            offset <= count &- MemoryLayout<Value>.size
        else { return nil }
        return unsafe Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    /// Returns the `byteCount` bytes from `offset` on, or nil if the buffer ends before they do.
    @inlinable
    public func slice(at offset: Int, byteCount: Int) -> UnsafeRawBufferPointer? {
        guard offset >= 0, byteCount >= 0, offset <= count, byteCount <= count &- offset else {
            return nil
        }
        return unsafe UnsafeRawBufferPointer(rebasing: self[offset..<offset + byteCount])
    }

    /// Whether all bytes are zero. memcmp(3) makes this fast enough for whole archives.
    public var isZero: Bool {
        guard let base = baseAddress else { return true }
        guard unsafe self[0] == 0 else { return false }
        return unsafe memcmp(base, base + 1, count - 1) == 0
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes contain `pattern`.
    public func holds(_ pattern: StaticString) -> Bool {
        guard let start = baseAddress else { return false }
        return unsafe chost_contains(start, count, pattern.utf8Start, pattern.utf8CodeUnitCount)
    }
}
