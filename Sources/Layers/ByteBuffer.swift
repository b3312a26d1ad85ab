/// Memory of a fixed size that a source fills again and again.
@safe
public struct ByteBuffer: ~Copyable {
    public let bytes: UnsafeMutableRawBufferPointer

    /// What a source reads or unpacks at once: it stays in a processor's second-level cache for all who look at it.
    public static let pieceByteCount = 256 << 10

    public init(byteCount: Int = pieceByteCount) {
        unsafe bytes = .allocate(byteCount: byteCount, alignment: 64)
    }

    deinit {
        unsafe bytes.deallocate()
    }

    /// The first `byteCount` bytes.
    public func prefix(_ byteCount: Int) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: bytes[..<byteCount])
    }
}
