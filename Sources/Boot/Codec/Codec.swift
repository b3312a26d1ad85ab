/// The compressions of kernels (Linux x86 boot protocol, "payload_offset").
enum Codec: Equatable {
    case gzip
    case lz4
    case xz
    case zstd
    /// A compression that Linux can unpack and vmm cannot.
    case foreign(String)

    init?(magicOf bytes: ImageBytes) {
        switch bytes {
        case _ where bytes.has([0x1F, 0x8B]): self = .gzip
        // The legacy frame, which `lz4 -l` and the kernel's build write.
        case _ where bytes.has([0x02, 0x21, 0x4C, 0x18]): self = .lz4
        case _ where bytes.has([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]): self = .xz
        case _ where bytes.has([0x28, 0xB5, 0x2F, 0xFD]): self = .zstd
        case _ where bytes.has([0x04, 0x22, 0x4D, 0x18]): self = .foreign("LZ4's newer frame format")
        case _ where bytes.has("BZh"): self = .foreign("bzip2")
        case _ where bytes.has([0x5D, 0x00, 0x00]): self = .foreign("LZMA")
        case _ where bytes.has([0x89, 0x4C, 0x5A, 0x4F]): self = .foreign("LZO")
        default: return nil
        }
    }
}

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
