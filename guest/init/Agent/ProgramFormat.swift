import CLinux

/// The format of a file that the kernel refuses to execute, derived from its first bytes.
enum ProgramFormat {
    private static let header = 256

    private static func start(of path: String) -> [UInt8] {
        guard let file = try? Descriptor(opening: path, O_RDONLY | O_NONBLOCK | O_NOCTTY) else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: header) { buffer, count in
            count = unsafe max(0, read(file.number, buffer.baseAddress, header))
        }
    }

    /// Returns the interpreter that a script names; nil if the file is no script.
    static func interpreter(_ path: String) -> String? {
        let start = start(of: path)
        guard start.starts(with: "#!".utf8) else { return nil }
        let line = start.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }
        let words = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == 0 }
        return words.first.map { String(decoding: Array($0), as: UTF8.self) } ?? ""
    }

    /// Returns the reason for ENOEXEC, as the predicate of a sentence.
    static func problem(_ path: String) -> String {
        guard let interpreter = interpreter(path) else { return problem(start(of: path)) }
        return text("its interpreter \"", interpreter, "\" is ", problem(start(of: interpreter)))
    }

    /// Returns the reason, from the identification and the machine of an ELF file (elf(5)).
    private static func problem(_ start: [UInt8]) -> String {
        guard start.starts(with: [0x7F, 0x45, 0x4C, 0x46]), start.count >= 20 else {
            return "neither an ELF program nor a script with an interpreter line (#!)"
        }
        let machine = Int(start[18]) | Int(start[19]) << 8
        switch (machine, start[4]) {
        case (3, _), (62, 1): return "a 32-bit program; only 64-bit programs run here (x86-64)"
        case (62, _): return "a damaged program for x86-64"
        default: return text("a program for another processor", name(machine), "; only x86-64 runs here")
        }
    }

    private static func name(_ machine: Int) -> String {
        switch machine {
        case 183: ", arm64"
        case 40: ", arm"
        case 243: ", riscv"
        case 21: ", ppc64"
        case 22: ", s390x"
        case 8: ", mips"
        case 258: ", loongarch"
        default: ""
        }
    }
}
