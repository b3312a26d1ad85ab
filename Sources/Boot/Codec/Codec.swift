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
