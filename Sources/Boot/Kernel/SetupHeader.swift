import GuestMemory
import Host

/// The setup header of a bzImage (Linux x86 boot protocol, "The Real-Mode Kernel Header"); offsets are those of the
/// file, which are those of the zero page.
struct SetupHeader {
    static let start = 0x1F1
    /// The header may not reach into what follows it in the zero page (`edd_mbr_sig_buffer`).
    static let limit = 0x290

    /// 2.12 brought xloadflags, without which nothing says that there is a 64-bit entry.
    private static let leastVersion: UInt16 = 0x020C
    /// XLF_KERNEL_64: the 64-bit entry at 0x200.
    private static let has64BitEntry: UInt16 = 1 << 0

    /// The bytes of the header, from `start` on: for the zero page.
    let bytes: [UInt8]
    /// Where the protected-mode code begins in the file.
    let codeOffset: UInt64
    /// The highest address that the initramfs may occupy.
    let initramfsLimit: UInt64
    /// The longest command line, without the zero at its end.
    let commandLineByteCount: UInt64
    /// Where the compressed kernel lies in the file.
    let payload: (offset: UInt64, byteCount: UInt64)
    /// Where the kernel wants to be loaded.
    let preferredAddress: GuestAddress
    /// How much memory it needs from there on before it looks at the memory map.
    let initByteCount: UInt64

    /// Reads the header from `prefix`, the beginning of `file`.
    init(_ prefix: ImageBytes, of file: borrowing InputFile) throws(Failure) {
        guard let version = prefix.load(UInt16.self, at: 0x206),
            let flags = prefix.load(UInt16.self, at: 0x236),
            let setupSectors = prefix.load(UInt8.self, at: 0x1F1),
            let commandLineByteCount = prefix.load(UInt32.self, at: 0x238),
            let initramfsLimit = prefix.load(UInt32.self, at: 0x22C),
            let payloadOffset = prefix.load(UInt32.self, at: 0x248),
            let payloadByteCount = prefix.load(UInt32.self, at: 0x24C),
            let preferredAddress = prefix.load(UInt64.self, at: 0x258),
            let initByteCount = prefix.load(UInt32.self, at: 0x260),
            let jumpOffset = prefix.load(UInt8.self, at: 0x201)
        else { throw file.refused("it ends within its setup header: it is truncated") }
        guard version >= Self.leastVersion, flags & Self.has64BitEntry != 0 else {
            throw file.refused(
                "it is a bzImage without a 64-bit entry: a 32-bit kernel, or one older than Linux 3.8",
                cure: "Use a 64-bit kernel (x86-64).")
        }
        // The boot sector, and the setup code; 0 stands for 4 sectors.
        codeOffset = (UInt64(setupSectors == 0 ? 4 : setupSectors) + 1) * 512
        guard codeOffset < file.byteCount else { throw Self.truncated(file) }
        bytes = Self.header(prefix, end: 0x202 + Int(jumpOffset))
        self.commandLineByteCount = UInt64(commandLineByteCount)
        self.initramfsLimit = UInt64(initramfsLimit)
        self.preferredAddress = GuestAddress(preferredAddress)
        self.initByteCount = UInt64(initByteCount)
        payload = (codeOffset + UInt64(payloadOffset), UInt64(payloadByteCount))
    }

    private static func header(_ prefix: ImageBytes, end: Int) -> [UInt8] {
        Array(prefix.bytes[..<min(end, limit, prefix.bytes.count)].dropFirst(start))
    }

    static func truncated(_ file: borrowing InputFile) -> Failure {
        file.refused(
            "it ends at \(file.byteCount) bytes, before its payload does: it is truncated",
            cure: "Build, copy or download the kernel again.")
    }
}
