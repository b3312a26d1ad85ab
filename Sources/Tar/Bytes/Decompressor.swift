/// The reason why compressed bytes cannot be unpacked.
enum DecompressionError: Error {
    /// The bytes are not valid output of the compression.
    case damaged
    /// The decompressor got no memory, or needs more than its limit.
    case outOfMemory
}

/// The state of a decompression: input of any size goes in, output of any size comes out.
protocol Decompressor: AnyObject {
    /// The name of the compression.
    static var name: String { get }

    /// Whether the input may end here.
    var isComplete: Bool { get }

    /// Unpacks from `input` until it is empty or `output` is full. Removes the bytes used from `input`, and
    /// returns the number of bytes written to `output`.
    func unpack(
        _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(DecompressionError) -> Int
}

extension UnsafeRawBufferPointer {
    /// Returns the bytes without the first `byteCount`.
    func rest(after byteCount: Int) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: self[byteCount...])
    }
}
