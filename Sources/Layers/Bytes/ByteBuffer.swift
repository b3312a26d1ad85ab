/// Memory of a fixed size that a source fills again and again.
@safe
struct ByteBuffer: ~Copyable {
    let bytes: UnsafeMutableRawBufferPointer

    /// What a source reads or unpacks at once: it stays in a processor's second-level cache for all who look at it.
    static let pieceByteCount = 256 << 10

    init(byteCount: Int = pieceByteCount) {
        unsafe bytes = .allocate(byteCount: byteCount, alignment: 64)
    }

    deinit {
        unsafe bytes.deallocate()
    }

    /// The first `byteCount` bytes.
    func prefix(_ byteCount: Int) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: bytes[..<byteCount])
    }
}
