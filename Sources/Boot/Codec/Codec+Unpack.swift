/// The reason for which compressed bytes cannot be unpacked.
enum CodecError: Error {
    /// The input ends too early.
    case truncated
    /// The input is not valid for its compression.
    case damaged
    /// The output is larger than the room for it.
    case tooLarge
    /// The decompressor could not allocate memory, or needs more than the limit.
    case outOfMemory
}

extension Codec {
    /// A limit above the needs of all of Linux' compressions (zstd's window and xz's dictionary are at most
    /// 128 MiB).
    static let memoryLimit: UInt64 = 192 << 20

    /// Unpacks the first `byteCount` bytes of the output; fewer if the output is shorter.
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

    /// Unpacks all of `input`; returns the number of bytes.
    func unpack(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> Int {
        unsafe try decode(input, output, wanting: .everything)
    }

    /// Whether the caller wants only the beginning of the output: the output may then be full before the
    /// input ends.
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
