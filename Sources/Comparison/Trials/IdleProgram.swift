/// A program that idles and uses almost no memory, for any image. It writes one byte and waits for SIGTERM,
/// SIGINT or SIGHUP. It blocks the signals first, so that they reach it even as the first process of a PID
/// namespace.
enum IdleProgram {
    /// The program as a static ELF executable of 210 bytes.
    static let bytes: [UInt8] = header + programHeader + code

    private static let address: UInt64 = 0x40_0000
    private static let headersByteCount = 64 + 56

    private static func little(_ value: UInt64, _ byteCount: Int) -> [UInt8] {
        (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }

    /// The ELF header (ELF-64 object file format 1.5, figure 2): EXEC for x86-64, one program header, no
    /// sections.
    private static let header: [UInt8] =
        [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0] + little(2, 2) + little(62, 2)
        + little(1, 4)
        + little(address + UInt64(headersByteCount), 8) + little(64, 8) + little(0, 8) + little(0, 4)
        + little(64, 2) + little(56, 2) + little(1, 2) + little(64, 2) + little(0, 2) + little(0, 2)

    /// A program header that maps the whole file, readable and executable.
    private static let programHeader: [UInt8] =
        little(1, 4) + little(5, 4) + little(0, 8) + little(address, 8) + little(address, 8)
        + little(UInt64(headersByteCount + code.count), 8) + little(UInt64(headersByteCount + code.count), 8)
        + little(0x1000, 8)

    private static let code: [UInt8] = [
        // rt_sigprocmask(SIG_BLOCK, mask, NULL, 8)
        0xB8, 0x0E, 0, 0, 0, 0x31, 0xFF, 0x48, 0x8D, 0x35, 0x44, 0, 0, 0, 0x31, 0xD2, 0x41, 0xBA, 8, 0, 0, 0,
        0x0F,
        0x05,
        // write(1, "r", 1)
        0xB8, 1, 0, 0, 0, 0xBF, 1, 0, 0, 0, 0x48, 0x8D, 0x35, 0x28, 0, 0, 0, 0xBA, 1, 0, 0, 0, 0x0F, 0x05,
        // rt_sigtimedwait(mask, NULL, NULL, 8)
        0xB8, 0x80, 0, 0, 0, 0x48, 0x8D, 0x3D, 0x16, 0, 0, 0, 0x31, 0xF6, 0x31, 0xD2, 0x41, 0xBA, 8, 0, 0, 0,
        0x0F,
        0x05,
        // exit(0)
        0xB8, 0x3C, 0, 0, 0, 0x31, 0xFF, 0x0F, 0x05,
        // The byte "r", and the signal mask.
        0x72, 0x03, 0x40, 0, 0, 0, 0, 0, 0,
    ]
}
