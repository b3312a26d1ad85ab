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

/// The compression of a file, which its first bytes show.
enum Compression: Hashable {
    case gzip, zstd
    /// A compression that other programs can unpack and this one cannot.
    case foreign(String)

    /// The number of bytes to look at.
    static let magicByteCount = 4

    /// Recognizes a compression. Returns nil for other bytes.
    init?(magic: [UInt8]) {
        switch magic {
        case _ where magic.starts(with: [0x1F, 0x8B]): self = .gzip
        case [0x28, 0xB5, 0x2F, 0xFD]: self = .zstd
        // Skippable frames may come first (RFC 8878, 3.1.2): pzstd, zstd:chunked and others write them.
        case _ where magic.count == 4 && magic[0] & 0xF0 == 0x50 && magic[1...] == [0x2A, 0x4D, 0x18]:
            self = .zstd
        case [0xFD, 0x37, 0x7A, 0x58]: self = .foreign("xz")
        case [0x04, 0x22, 0x4D, 0x18]: self = .foreign("LZ4")
        case _ where magic.starts(with: "BZh".utf8): self = .foreign("bzip2")
        default: return nil
        }
    }

    func decompressor() throws(DecompressionError) -> (any Decompressor)? {
        switch self {
        case .gzip: try GzipDecompressor()
        case .zstd: try ZstandardDecompressor()
        case .foreign: nil
        }
    }
}
