/// Why compressed bytes do not unpack.
enum DecompressionError: Error {
    /// They are not what the compression writes.
    case damaged
    /// The decompressor got no memory, or wants more than it may have.
    case outOfMemory
}

/// The state of a decompression: input of any size goes in, output of any size comes out.
protocol Decompressor: AnyObject {
    /// What the compression is called.
    static var name: String { get }

    /// Whether the input may end here.
    var isComplete: Bool { get }

    /// Unpacks from `input`, of which it takes off what it used, until that is empty or `output` is full; the number of
    /// bytes it made.
    func unpack(
        _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(DecompressionError) -> Int
}

extension UnsafeRawBufferPointer {
    /// What is left without the first `byteCount` bytes.
    func rest(after byteCount: Int) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: self[byteCount...])
    }
}
