public import Host
import Layers

/// A source of bytes in memory.
public struct MemorySource: ByteSource, ~Copyable {
    public let complaint: String
    private let buffer: ByteBuffer
    private let pieceByteCount: Int
    private var offset = 0

    /// Makes a source that returns pieces of `pieceByteCount` bytes, to test how readers deal with small
    /// pieces.
    public init(_ bytes: [UInt8], pieceByteCount: Int = .max, complaint: String) {
        buffer = ByteBuffer(byteCount: bytes.count)
        unsafe buffer.bytes.copyBytes(from: bytes)
        self.pieceByteCount = max(1, pieceByteCount)
        self.complaint = complaint
    }

    public mutating func next() throws(Failure) -> UnsafeRawBufferPointer {
        let start = offset
        offset += unsafe min(pieceByteCount, buffer.bytes.count - offset)
        return unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[start..<offset])
    }
}
