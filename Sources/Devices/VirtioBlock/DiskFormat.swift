import CHost
import Host
import SystemPackage

/// A file format that wraps a disk or a file. A guest that gets the wrapping as its disk finds no disk in it,
/// and destroys the wrapping with its first write.
enum DiskFormat: String {
    case qcow2, qed, bochs
    case vmdk = "VMDK"
    case vhd = "VHD"
    case fixedVHD = "fixed VHD"
    case vhdx = "VHDX"
    case vdi = "VDI"
    case parallels = "Parallels"
    case dmg = "DMG"
    case androidSparse = "Android sparse"
    case gzip, bzip2, xz, zstd, lz4, zip
    case sevenZip = "7z"

    /// The bytes that identify a format: the first `byteCount` bytes of `magic`, in that order, at `offset`.
    /// A negative offset counts from the end of the file.
    private struct Signature {
        let format: DiskFormat
        let magic: UInt64
        let byteCount: Int
        let offset: Int
    }

    private static let signatures = [
        Signature(format: .qcow2, magic: 0x5146_49FB, byteCount: 4, offset: 0),  // "QFI" and 0xFB
        Signature(format: .qed, magic: 0x5145_4400, byteCount: 4, offset: 0),  // "QED" and 0
        Signature(format: .bochs, magic: 0x426F_6368_7320_5669, byteCount: 8, offset: 0),  // "Bochs Vi"
        Signature(format: .vmdk, magic: 0x4B44_4D56, byteCount: 4, offset: 0),  // "KDMV"
        Signature(format: .vmdk, magic: 0x434F_5744, byteCount: 4, offset: 0),  // "COWD"
        Signature(format: .vmdk, magic: 0xBEBA_FECA_0000_0000, byteCount: 8, offset: 0),  // SE sparse
        Signature(format: .vhd, magic: 0x636F_6E65_6374_6978, byteCount: 8, offset: 0),  // "conectix"
        Signature(format: .fixedVHD, magic: 0x636F_6E65_6374_6978, byteCount: 8, offset: -512),
        Signature(format: .fixedVHD, magic: 0x636F_6E65_6374_6978, byteCount: 8, offset: -511),
        Signature(format: .vhdx, magic: 0x7668_6478_6669_6C65, byteCount: 8, offset: 0),  // "vhdxfile"
        Signature(format: .vdi, magic: 0x7F10_DABE, byteCount: 4, offset: 64),
        Signature(format: .parallels, magic: 0x5769_7468_6F75_4672, byteCount: 8, offset: 0),  // "WithouFr"
        Signature(format: .parallels, magic: 0x5769_7468_6F75_7446, byteCount: 8, offset: 0),  // "WithoutF"
        Signature(format: .dmg, magic: 0x6B6F_6C79, byteCount: 4, offset: -512),  // "koly"
        Signature(format: .androidSparse, magic: 0x3AFF_26ED, byteCount: 4, offset: 0),
        Signature(format: .gzip, magic: 0x1F8B_08, byteCount: 3, offset: 0),
        Signature(format: .bzip2, magic: 0x3141_5926_5359, byteCount: 6, offset: 4),  // behind "BZh9"
        Signature(format: .xz, magic: 0xFD37_7A58_5A00, byteCount: 6, offset: 0),
        Signature(format: .zstd, magic: 0x28B5_2FFD, byteCount: 4, offset: 0),
        Signature(format: .lz4, magic: 0x0422_4D18, byteCount: 4, offset: 0),
        Signature(format: .zip, magic: 0x504B_0304, byteCount: 4, offset: 0),
        Signature(format: .sevenZip, magic: 0x377A_BCAF_271C, byteCount: 6, offset: 0),
    ]

    /// The first line of VMware's descriptor of an image, a text file beside the data.
    private static let descriptor = Array("# disk descriptorfile".utf8)

    /// Recognizes the format by the first and last 512 bytes of a file or device. Returns nil for any other
    /// content, which is a raw disk.
    init?(head: [UInt8], tail: [UInt8]) {
        let found = Self.signatures.first { signature in
            let bytes = signature.offset < 0 ? tail : head
            let start = signature.offset < 0 ? bytes.count + signature.offset : signature.offset
            return Self.number(bytes, at: start, byteCount: signature.byteCount) == signature.magic
        }
        if let found {
            self = found.format
        } else if Self.isDescriptor(head) {
            self = .vmdk
        } else {
            return nil
        }
    }

    /// Reads `byteCount` bytes as a big-endian number; nil if there are fewer.
    private static func number(_ bytes: [UInt8], at start: Int, byteCount: Int) -> UInt64? {
        guard start >= 0, bytes.count - start >= byteCount else { return nil }
        return bytes[start..<start + byteCount].reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func isDescriptor(_ head: [UInt8]) -> Bool {
        // 0x20 makes letters lower-case and changes no other character of those words.
        head.lazy.map { $0 | 0x20 }.starts(with: descriptor)
    }

    /// Whether a general compression program made the file.
    private var isCompressed: Bool {
        switch self {
        case .gzip, .bzip2, .xz, .zstd, .lz4, .zip, .sevenZip: true
        default: false
        }
    }

    /// A phrase for messages: "a qcow2 image", "an xz file".
    var description: String {
        let article = [.xz, .androidSparse].contains(self) ? "an" : "a"
        return "\(article) \(rawValue) \(isCompressed ? "file" : "image")"
    }

    /// Returns the command that makes a raw disk of `path`.
    func conversion(of path: String) -> String {
        let target = Self.quoted(rawName(path))
        let path = Self.quoted(path)
        return switch self {
        case .gzip, .bzip2, .xz, .zstd, .lz4: "\(rawValue) -dc \(path) >\(target)"
        case .zip: "unzip -p \(path) >\(target)"
        case .sevenZip: "7z x -so \(path) >\(target)"
        case .androidSparse: "simg2img \(path) \(target)"
        case .fixedVHD: "qemu-img convert -f vpc -O raw \(path) \(target)"
        case .dmg: "qemu-img convert -f dmg -O raw \(path) \(target)"
        default: "qemu-img convert -O raw \(path) \(target)"
        }
    }

    /// Replaces the suffix of the file's name by `.raw`. The raw disk of a device goes to the working
    /// directory.
    private func rawName(_ path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        if path.hasPrefix("/dev/") { return name + ".raw" }
        let suffix = name.dropFirst().lastIndex(of: ".").map { name[$0...].count } ?? 0
        return path.dropLast(suffix) + ".raw"
    }

    /// Quotes `text` as one word of a shell's command line.
    static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "/._-+,:=@%".utf8.contains(byte)
            }
        }
        if isPlain, !text.isEmpty { return text }
        return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
            + "'"
    }
}

extension DiskFile {
    /// Refuses a file whose format wraps a disk.
    static func refuseWrapping(
        _ descriptor: Int32, _ byteCount: UInt64, _ path: String
    ) throws(Failure) {
        let head = try piece(of: descriptor, at: 0, path)
        let tail = try piece(of: descriptor, at: byteCount - min(byteCount, sectorByteCount), path)
        guard let format = DiskFormat(head: head, tail: tail) else { return }
        throw Failure(
            .badInput, "cannot use the disk \(path)",
            because: "it is \(format.description), and a guest would take the image itself for its disk",
            cure: "Convert it to a raw disk: \(format.conversion(of: path))  (to attach its bytes "
                + "unchanged: --disk \(word(path)),format=raw)")
    }

    /// Reads up to 512 bytes of the content.
    private static func piece(
        of descriptor: Int32, at offset: UInt64, _ path: String
    ) throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(sectorByteCount))
        do throws(Errno) {
            // The offset lies within the file, whose size is an off_t.
            let count = try hostCall {
                unsafe bytes.withUnsafeMutableBytes {
                    unsafe pread(descriptor, $0.baseAddress, $0.count, off_t(truncatingIfNeeded: offset))
                }
            }
            return Array(bytes.prefix(count))
        } catch {
            throw Failure("cannot read the disk \(path)", errno: error)
        }
    }
}
