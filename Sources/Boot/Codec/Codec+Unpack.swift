/// Why compressed bytes do not unpack.
enum CodecError: Error {
    /// They end before they should.
    case truncated
    /// They are not what the compression writes.
    case damaged
    /// They unpack to more than there is room for.
    case tooLarge
    /// The decompressor got no memory, or wants more than it may have.
    case outOfMemory
}

extension Codec {
    /// More than any of Linux' compressions needs (zstd's window and xz's dictionary are 128 MiB at most).
    static let memoryLimit: UInt64 = 192 << 20

    /// The first `byteCount` bytes of what `input` unpacks to; fewer if there are no more.
    func prefix(of input: UnsafeRawBufferPointer, byteCount: Int) throws(CodecError) -> [UInt8] {
        var failure: CodecError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            do throws(CodecError) {
                count = unsafe try decode(input, UnsafeMutableRawBufferPointer(buffer), wanting: .beginning)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Unpacks all of `input`; the number of bytes.
    func unpack(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> Int {
        unsafe try decode(input, output, wanting: .everything)
    }

    /// Whether an output that is full before the input ends is what is wanted.
    enum Extent {
        case beginning
        case everything
    }

    private func decode(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, wanting extent: Extent
    ) throws(CodecError) -> Int {
        switch self {
        case .gzip: unsafe try Gzip.decode(input, output, extent)
        case .lz4: unsafe try LZ4.decode(input, output, extent)
        case .xz: unsafe try XZ.decode(input, output, extent)
        case .zstd where extent == .beginning: unsafe try Zstandard.decodeBeginning(input, output)
        case .zstd: unsafe try Zstandard.decode(input, output)
        case .foreign: throw .damaged
        }
    }
}
