/// Memory of a fixed size that a source fills repeatedly.
///
/// Safe: the memory lives exactly as long as the value, and each access through `bytes` is marked `unsafe`
/// where it is made.
@safe
public struct ByteBuffer: ~Copyable {
    public let bytes: UnsafeMutableRawBufferPointer

    /// The number of bytes that a source reads or unpacks at once. They stay in the second-level cache until
    /// their readers are done.
    public static let pieceByteCount = 256 << 10

    public init(byteCount: Int = pieceByteCount) {
        unsafe bytes = .allocate(byteCount: byteCount, alignment: 64)
    }

    deinit {
        unsafe bytes.deallocate()
    }

    /// Returns the first `byteCount` bytes.
    public func prefix(_ byteCount: Int) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: bytes[..<byteCount])
    }
}
