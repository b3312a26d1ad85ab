import Foundation
import GuestMemory
import Host
import Testing

@testable import Boot

/// Files that are no kernels, and kernels that cannot be loaded: each says why in a line.
@Suite struct BadKernelTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        let why: String

        init(_ name: String, _ bytes: [UInt8], _ why: String) {
            testDescription = name
            self.bytes = bytes
            self.why = why
        }

        /// A small kernel, changed.
        init(_ name: String, why: String, _ change: (inout ELFWriter) -> Void) {
            var elf = ELFWriter()
            change(&elf)
            self.init(name, elf.bytes, why)
        }
    }

    static let foreign: [Case] = [
        Case("empty", [], "it is empty"),
        Case("text", Array("#!/bin/sh\necho hello\n".utf8), "a text file that begins with \"#!/bin/sh\""),
        Case("zeroes", [UInt8](repeating: 0, count: 8192), "it begins with zeroes"),
        Case("noise", noise(8192), "neither an ELF file nor a bzImage"),
        Case("a few bytes", [0xFF, 0xFE, 0x00], "too short"),
        Case("cpio", Array("070701".utf8) + noise(600), "it is an initramfs"),
        Case("EFI program", Array("MZ".utf8) + noise(600), "an EFI program"),
        Case("arm64 Image", image(magic: "ARMd"), "a kernel for arm64"),
        Case("RISC-V Image", image(magic: "RSC\u{05}"), "a kernel for RISC-V"),
        Case("bzip2", Array("BZh91AY".utf8) + noise(600), "compressed with bzip2"),
        Case("LZ4 frame", [0x04, 0x22, 0x4D, 0x18] + noise(600), "compressed with LZ4's newer frame format"),
        Case("gzip of noise", [0x1F, 0x8B] + noise(600), "it cannot be unpacked"),
    ]

    static let headers: [Case] = [
        Case("only the magic number", [0x7F, 0x45, 0x4C, 0x46], "ends within its ELF header"),
        Case("half a header", Array(ELFWriter().bytes.prefix(40)), "ends within its ELF header"),
        Case("32-bit ELF", why: "it is a 32-bit ELF file") { $0.fileClass = 1 },
        Case("big-endian", why: "a big-endian machine") { $0.byteOrder = 2 },
        Case("arm64 ELF", why: "it is a kernel for arm64") { $0.machine = 183 },
        Case("RISC-V ELF", why: "it is a kernel for RISC-V") { $0.machine = 243 },
        Case("object file", why: "not a program (type 1)") { $0.type = 1 },
        Case("no program headers", why: "no program headers") { $0.programHeaderCount = 0 },
        Case("too many program headers", why: "table is absurd") { $0.programHeaderCount = 0xFFFF },
        Case("odd program headers", why: "table is absurd") { $0.programHeaderByteCount = 32 },
        Case("program headers behind the end", why: "before its program headers do") {
            $0.programHeaderOffset = 0x10_0000
        },
        Case("program headers nowhere", why: "before its program headers do") {
            $0.programHeaderOffset = .max - 8
        },
    ]

    static let segments: [Case] = [
        Case("nothing to load", why: "no segment to load") { $0.segments[0].type = 2 },
        Case("only empty segments", why: "no segment to load") {
            $0.segments[0].memoryByteCount = 0
            $0.segments[0].fileByteCount = 0
        },
        Case("more in the file than in memory", why: "more bytes in the file than in memory") {
            $0.segments[0].memoryByteCount = 2
        },
        Case("truncated", why: "it is truncated") {
            $0.segments[0].fileByteCount = 0x2000
            $0.segments[0].memoryByteCount = 0x2000
        },
        Case("offset overflows", why: "it is truncated") { $0.segments[0].offset = .max - 2 },
        Case("below 1 MiB", why: "below 1 MiB") { $0.segments[0].physicalAddress = 0x8000 },
        Case("in the hole", why: "beyond 3 GiB") { $0.segments[0].physicalAddress = 0xD000_0000 },
        Case("above 4 GiB", why: "beyond 3 GiB") { $0.segments[0].physicalAddress = 0x1_0000_0000 },
        Case("address overflows", why: "beyond the end of all addresses") {
            $0.segments[0].physicalAddress = .max - 2
        },
        Case("size overflows", why: "beyond the end of all addresses") {
            $0.segments[0].memoryByteCount = .max
        },
        Case("reaching into the hole", why: "beyond 3 GiB") { $0.segments[0].memoryByteCount = 0xC000_0000 },
        Case("larger than memory", why: "needs memory up to 201 MiB, and the guest has 64 MiB") {
            $0.segments[0].memoryByteCount = 200 * mebibyte
        },
        Case("overlapping", why: "overlap") { $0.add([1, 2, 3, 4], at: 0x10_0003) },
        Case("one inside the other's .bss", why: "overlap") {
            $0.segments[0].memoryByteCount = 0x4000
            $0.add([1], at: 0x10_2000)
        },
        Case("entry nowhere", why: "lies in none of its segments") { $0.entry = 0x20_0000 },
        Case("entry in the .bss", why: "lies in none of its segments") {
            $0.segments[0].memoryByteCount = 0x1000
            $0.entry = 0x10_0800
        },
    ]

    @Test(arguments: foreign + headers + segments)
    func isRefused(_ bad: Case) throws {
        let failure = try refusal(of: bad.bytes)
        #expect(failure.kind == .badInput)
        #expect(failure.why.contains(bad.why), "\(failure)")
    }

    /// What they would end in is a triple fault.
    static let programs: [Case] = [
        Case("a program that wants ld.so", why: "a Linux program, not a kernel") {
            $0.add(Array("/lib64/ld-linux-x86-64.so.2".utf8), at: 0x20_0000)
            $0.segments[1].type = 3
        },
        Case("a static program", why: "neither a PVH note nor Linux' version") {
            $0.addNotes(ELFWriter.note("GNU", type: 1, noise(16)))
        },
        Case("one that speaks of Linux", why: "neither a PVH note nor Linux' version") {
            $0.add(Array("Linux version %s\0Linux version".utf8), at: 0x20_0000)
        },
        Case("a note of another's", why: "neither a PVH note nor Linux' version") {
            $0.addNotes(ELFWriter.note("Xen", type: 6, Array("linux\0".utf8)))
        },
    ]

    @Test(arguments: programs)
    func isNoKernel(_ program: Case) throws {
        for bytes in [program.bytes, Compression.zstd.file(of: program.bytes)] {
            let failure = try refusal(of: bytes, looksLikeOne: true)
            #expect(failure.kind == .badInput)
            #expect(failure.why.contains(program.why), "\(failure)")
            #expect(failure.cure?.contains("--allow-any-kernel") == true, "\(failure)")
            // The user may insist.
            #expect(throws: Never.self) { try Loaded(bytes) }
        }
    }

    @Test func aLargerMemoryIsNamed() throws {
        var elf = ELFWriter()
        elf.segments[0].memoryByteCount = 200 * mebibyte
        #expect(try refusal(of: elf.bytes).cure == "Give the guest more: --memory 320M.")
        #expect(throws: Never.self) { try Loaded(elf.bytes, memory: 320 * mebibyte) }
    }

    @Test func controlCharactersOfATextAreNotRepeated() throws {
        let failure = try refusal(of: Array("abc\u{1B}[31mdef".utf8))
        #expect(!failure.description.contains("\u{1B}"))
    }

    @Test func aMissingFile() throws {
        let failure = try failure(opening: "/nonexistent/vmlinux")
        #expect(failure.kind == .missingInput)
        #expect(
            failure.description == """
                cannot use the kernel /nonexistent/vmlinux: no such file or directory
                  Check the path of the kernel.
                """)
    }

    @Test func aDirectory() throws {
        let failure = try failure(opening: "/")
        #expect(failure.kind == .badInput)
        #expect(failure.why == "it is a directory")
    }

    @Test func aDevice() throws {
        let failure = try failure(opening: "/dev/null")
        #expect(failure.why == "it is not a regular file")
    }

    @Test(.enabled(if: getuid() != 0, "root may read everything"))
    func aFileThatMayNotBeRead() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(ELFWriter().bytes, to: "secret")
        #expect(unsafe chmod(path, 0) == 0)
        let failure = try failure(opening: path)
        #expect(failure.kind == .notPermitted)
    }

    private func failure(opening path: String) throws -> Failure {
        try #require(throws: Failure.self) { _ = try InputFile(path, as: "kernel") }
    }

    private static func image(magic: String) -> [UInt8] {
        var bytes = noise(4096)
        bytes.replaceSubrange(0x38..<0x3C, with: Array(magic.utf8))
        return bytes
    }
}
