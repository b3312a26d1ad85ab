import GuestMemory
import Host

/// The setup header of a bzImage (Linux x86 boot protocol, "The Real-Mode Kernel Header"). Offsets in the
/// file and in the zero page are the same.
struct SetupHeader {
    static let start = 0x1F1
    /// The end of the room for the header in the zero page, where `edd_mbr_sig_buffer` begins.
    static let limit = 0x290

    private enum Field {
        static let setupSectors = 0x1F1  // setup_sects
        static let jumpOffset = 0x201  // the second byte of `jump`: the distance to the header's end
        static let magic = 0x202  // header
        static let version = 0x206
        static let initramfsLimit = 0x22C  // initrd_addr_max
        static let loadFlags = 0x236  // xloadflags
        static let commandLineByteCount = 0x238  // cmdline_size
        static let payloadOffset = 0x248
        static let payloadByteCount = 0x24C  // payload_length
        static let preferredAddress = 0x258  // pref_address
        static let initByteCount = 0x260  // init_size
        static let end = 0x264
    }

    /// Version 2.12 introduced xloadflags. Without it a header cannot declare a 64-bit entry.
    private static let leastVersion: UInt64 = 0x020C
    /// XLF_KERNEL_64: the 64-bit entry at 0x200.
    private static let has64BitEntry: UInt64 = 1 << 0

    /// The bytes of the header, from `start` on, for the zero page.
    let bytes: [UInt8]
    /// The offset of the protected-mode code in the file.
    let codeOffset: UInt64
    /// The highest address that the initramfs may occupy.
    let initramfsLimit: UInt64
    /// The longest command line, without the zero at its end.
    let commandLineByteCount: UInt64
    /// The place of the compressed kernel in the file.
    let payload: (offset: UInt64, byteCount: UInt64)
    /// The address at which the kernel is to be loaded.
    let preferredAddress: GuestAddress
    /// The amount of memory from there on that the kernel needs before it reads the memory map.
    let initByteCount: UInt64

    /// Reads the header from `prefix`, the beginning of `file`.
    init(_ prefix: ImageBytes, of file: borrowing InputFile) throws(Failure) {
        guard prefix.bytes.count >= Field.end else {
            throw file.refused("it ends within its setup header: it is truncated")
        }
        func field(_ offset: Int, _ type: (some UnsignedInteger & FixedWidthInteger & BitwiseCopyable).Type)
            -> UInt64
        {
            UInt64(prefix.load(type, at: UInt64(offset)) ?? 0)
        }
        guard field(Field.version, UInt16.self) >= Self.leastVersion,
            field(Field.loadFlags, UInt16.self) & Self.has64BitEntry != 0
        else {
            throw file.refused(
                "it is a bzImage without a 64-bit entry: a 32-bit kernel, or one older than Linux 3.8",
                cure: "Use a 64-bit kernel (x86-64).")
        }
        // The boot sector and the setup code. A count of 0 means 4 sectors.
        let setupSectors = field(Field.setupSectors, UInt8.self)
        codeOffset = ((setupSectors == 0 ? 4 : setupSectors) + 1) * 512
        guard codeOffset < file.byteCount else { throw Self.truncated(file) }
        let end = Field.magic + Int(field(Field.jumpOffset, UInt8.self))
        bytes = Array(prefix.bytes[..<min(end, Self.limit, prefix.bytes.count)].dropFirst(Self.start))
        commandLineByteCount = field(Field.commandLineByteCount, UInt32.self)
        initramfsLimit = field(Field.initramfsLimit, UInt32.self)
        preferredAddress = GuestAddress(field(Field.preferredAddress, UInt64.self))
        initByteCount = field(Field.initByteCount, UInt32.self)
        payload = (
            codeOffset + field(Field.payloadOffset, UInt32.self), field(Field.payloadByteCount, UInt32.self)
        )
    }

    static func truncated(_ file: borrowing InputFile) -> Failure {
        file.refused(
            "it ends at \(file.byteCount) bytes, before its payload does: it is truncated",
            cure: "Build, copy or download the kernel again.")
    }
}
