import Host

/// The fields of an ELF-64 file header that loading needs (ELF-64 Object File Format 1.5, 3 "ELF Header"),
/// checked to be those of an x86-64 program.
struct ELFHeader {
    static let byteCount: UInt64 = 64
    /// The largest number of program headers; Linux has 5.
    static let programHeaderLimit: UInt16 = 128
    static let programHeaderByteCount: UInt64 = 56

    let entry: UInt64
    let programHeaderOffset: UInt64
    let programHeaderCount: UInt16

    /// Reads the header at the beginning of `bytes`, which begin with the magic number.
    init(_ bytes: ImageBytes, of file: KernelSource) throws(Failure) {
        try Self.checkIdentity(bytes, of: file)
        guard let type = bytes.load(UInt16.self, at: 16), let machine = bytes.load(UInt16.self, at: 18),
            let entry = bytes.load(UInt64.self, at: 24), let offset = bytes.load(UInt64.self, at: 32),
            let entryByteCount = bytes.load(UInt16.self, at: 54), let count = bytes.load(UInt16.self, at: 56)
        else { throw file.truncated("it ends within its ELF header") }
        guard machine == Machine.x8664 else { throw file.foreign(Machine.name(machine)) }
        guard type == FileType.executable || type == FileType.sharedObject else {
            throw file.refused("it is an ELF file but not a program (type \(type))", cure: KernelSource.cure)
        }
        guard count > 0 else {
            throw file.refused("it has no program headers, so nothing to load", cure: KernelSource.cure)
        }
        guard count <= Self.programHeaderLimit, UInt64(entryByteCount) == Self.programHeaderByteCount else {
            throw file.refused("its program header table is absurd (\(count) of \(entryByteCount) bytes)")
        }
        self.entry = entry
        programHeaderOffset = offset
        programHeaderCount = count
    }

    /// Reads the program headers. `table` returns their bytes.
    func programs(
        of source: KernelSource, _ table: (_ offset: UInt64, _ byteCount: Int) throws(Failure) -> ImageBytes
    ) throws(Failure) -> [ProgramHeader] {
        let byteCount = UInt64(programHeaderCount) * Self.programHeaderByteCount
        let bytes = try table(programHeaderOffset, Int(byteCount))
        guard bytes.bytes.count == Int(byteCount) else {
            throw source.truncated("it ends before its program headers do")
        }
        return (0..<UInt64(programHeaderCount)).map {
            ProgramHeader(bytes, at: $0 * Self.programHeaderByteCount)
        }
    }

    /// Checks the class and the byte order, which are single bytes and so readable in any file.
    private static func checkIdentity(_ bytes: ImageBytes, of file: KernelSource) throws(Failure) {
        guard let fileClass = bytes.load(UInt8.self, at: 4), let order = bytes.load(UInt8.self, at: 5) else {
            throw file.truncated("it ends within its ELF header")
        }
        guard fileClass == 2 else {
            throw file.refused("it is a 32-bit ELF file", cure: "Use a 64-bit kernel (x86-64).")
        }
        guard order == 1 else { throw file.foreign("a big-endian machine") }
    }

    private enum FileType {
        static let executable: UInt16 = 2
        static let sharedObject: UInt16 = 3
    }

    private enum Machine {
        static let x8664: UInt16 = 62

        static func name(_ machine: UInt16) -> String {
            switch machine {
            case 3: "32-bit x86"
            case 20, 21: "POWER"
            case 22: "s390"
            case 40: "32-bit ARM"
            case 183: "arm64"
            case 243: "RISC-V"
            case 258: "LoongArch"
            default: "another machine (ELF machine \(machine))"
            }
        }
    }
}
