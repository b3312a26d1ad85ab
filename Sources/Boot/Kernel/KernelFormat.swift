import Host

/// The format of a kernel file, by its first bytes.
enum KernelFormat {
    case elf
    case bzImage(SetupHeader)
    /// A whole kernel in a compressed file.
    case compressed(Codec)

    /// The number of bytes that are examined: they include both headers and, in practice, all program
    /// headers.
    static let prefixByteCount = 4096

    /// Recognizes `bytes`, the beginning of `file`. Throws, with a guess at the format, if they are not a
    /// kernel.
    init(_ bytes: ImageBytes, of file: borrowing InputFile) throws(Failure) {
        if bytes.has([0x7F, 0x45, 0x4C, 0x46]) {
            self = .elf
        } else if Self.isBzImage(bytes) {
            self = .bzImage(try SetupHeader(bytes, of: file))
        } else if let codec = Codec(magicOf: bytes) {
            self = .compressed(codec)
        } else {
            let (why, cure) = Self.guess(bytes)
            throw file.refused(why, cure: cure ?? KernelSource.cure)
        }
    }

    /// Whether the bytes have a setup header.
    static func isBzImage(_ bytes: ImageBytes) -> Bool {
        bytes.has("HdrS", at: 0x202) && bytes.load(UInt16.self, at: 0x1FE) == 0xAA55
    }

    /// Returns a guess at the kind of a file that is not a supported kernel. The cure is nil if the user
    /// needs another file.
    private static func guess(_ bytes: ImageBytes) -> (why: String, cure: String?) {
        if bytes.has("ARMd", at: 0x38) { return ("it is a kernel for arm64", "Use a kernel for x86-64.") }
        if bytes.has("RSC\u{05}", at: 0x38) {
            return ("it is a kernel for RISC-V", "Use a kernel for x86-64.")
        }
        if bytes.has("070701") || bytes.has("070702") {
            return (
                "it is an initramfs (a cpio archive)", "Give it with --initrd, and a kernel with --kernel."
            )
        }
        if bytes.has("MZ") {
            return ("it is an EFI program with neither a Linux setup header nor a section .linux", nil)
        }
        if bytes.bytes.allSatisfy({ $0 == 0 }) { return ("it begins with zeroes", nil) }
        if let line = firstLine(of: bytes) { return ("it is a text file that begins with \"\(line)\"", nil) }
        if bytes.bytes.count < 0x400 { return ("it is too short for a kernel: it may be truncated", nil) }
        return ("it is neither an ELF file nor a bzImage", nil)
    }

    /// Returns the beginning of the first line if all bytes are text.
    private static func firstLine(of bytes: ImageBytes) -> String? {
        let sample = bytes.bytes.prefix(512)
        guard sample.allSatisfy({ 0x20...0x7E ~= $0 || 0x09...0x0D ~= $0 }) else { return nil }
        return String(decoding: sample.prefix { $0 >= 0x20 }.prefix(40), as: UTF8.self)
    }
}
