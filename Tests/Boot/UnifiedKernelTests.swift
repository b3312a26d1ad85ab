import Foundation
import GuestMemory
import Host
import Testing

@testable import Boot

/// Unified kernel images: one file with a kernel, its initramfs and its command line.
@Suite struct UnifiedKernelTests {
    /// As distributions build them, with sections that only the boot stub cares for.
    private static func image(_ change: (inout PEWriter) -> Void = { _ in }) -> [UInt8] {
        var image = PEWriter()
        image.add(".text", noise(700))
        image.add(".osrel", "ID=test")
        image.add(".cmdline", "root=/dev/vda\tro\nquiet \n\0rest")
        image.add(".ucode", "microcode")
        image.add(".initrd", Array("archive".utf8))
        image.add(".linux", BzImageWriter(BzImageTests.file, .zstd).bytes)
        change(&image)
        return image.bytes
    }

    /// Loads `bytes` as a file with that mode, and `initramfs` after its own.
    private struct Booted {
        let memory: GuestMemory
        let entry: BootEntry
        var traits = LinuxLoader.KernelTraits()

        init(_ bytes: [UInt8], initramfs: [[UInt8]] = [], mode: mode_t = 0o644) throws {
            memory = try GuestMemory(byteCount: 64 * mebibyte)
            let directory = try TemporaryDirectory()
            let path = try directory.write(bytes, to: "linux.efi")
            #expect(unsafe chmod(path, mode) == 0)
            var traits = LinuxLoader.KernelTraits()
            entry = try LinuxLoader.load(
                kernel: path,
                initramfs: initramfs.enumerated().map { try directory.write($1, to: "initramfs\($0)") },
                description: MachineDescription(apicIDs: [0]), into: memory
            ) {
                traits = $0
                return "words"
            }
            self.traits = traits
        }

        /// What the PVH entry is told of.
        var initramfs: [UInt8] {
            get throws {
                let module = GuestAddress(
                    try memory.load(UInt64.self, at: GuestAddress(entry.state.rbx + 16)))
                let start = GuestAddress(try memory.load(UInt64.self, at: module))
                return try memory.bytes(
                    at: start, count: Int(try memory.load(UInt64.self, at: module + 8)))
            }
        }
    }

    @Test(arguments: [mode_t(0o644), 0o666])
    func itIsTakenApart(_ mode: mode_t) throws {
        let booted = try Booted(Self.image(), mode: mode)
        #expect(booted.entry.form == .pvh)
        #expect(booted.entry.state.instructionPointer == 0x100_0040)
        for (address, bytes) in BzImageTests.expected {
            #expect(try booted.memory.bytes(at: GuestAddress(address), count: bytes.count) == bytes)
        }
        #expect(booted.traits.commandLine == "root=/dev/vda ro quiet")
        #expect(try booted.initramfs == Array("microcode\0\0\0archive".utf8))
    }

    @Test func theUsersInitramfsFollowsItsOwn() throws {
        let booted = try Booted(Self.image(), initramfs: [Array("one".utf8), Array("two".utf8)])
        #expect(try booted.initramfs == Array("microcode\0\0\0archive\0one\0two".utf8))
    }

    @Test func aKernelAloneWillDo() throws {
        var image = PEWriter()
        image.add(".linux", BzImageWriter(BzImageTests.file, .gzip).bytes)
        let booted = try Booted(image.bytes, initramfs: [Array("one".utf8)])
        #expect(booted.traits.commandLine == nil)
        #expect(try booted.initramfs == Array("one".utf8))
    }

    /// An ELF kernel in it lies at no page of the file.
    @Test func anELFKernelIsLoaded() throws {
        var image = PEWriter()
        image.add(".linux", BzImageTests.file)
        let booted = try Booted(image.bytes)
        #expect(booted.entry.state.instructionPointer == 0x100_0040)
        let (address, bytes) = BzImageTests.expected[1]
        #expect(try booted.memory.bytes(at: GuestAddress(address), count: bytes.count) == bytes)
    }

    /// Sections before the first profile belong to all; those of the second are not ours.
    @Test func theFirstProfileIsBooted() throws {
        let booted = try Booted(
            Self.image {
                $0.add(".profile", "ID=first")
                $0.add(".cmdline", "first")
                $0.add(".profile", "ID=second")
                $0.add(".cmdline", "second")
                $0.add(".initrd", "second")
            })
        #expect(booted.traits.commandLine == "first")
        #expect(try booted.initramfs == Array("microcode\0\0\0archive".utf8))
    }

    static let bad: [(name: String, bytes: [UInt8], why: String)] = [
        ("no .linux", image { $0.sections.removeLast() }, "nor a section .linux"),
        ("an empty kernel", image { $0.sections[5].content = [] }, ".linux is empty"),
        ("no PE header", image { $0.headerOffset = 0x10_0000 }, "nor a section .linux"),
        ("a PE header nowhere", image { $0.headerOffset = .max }, "nor a section .linux"),
        ("many sections", image { $0.sectionCount = .max }, "65535 sections"),
        ("a table elsewhere", image { $0.optionalByteCount = .max }, "nor a section .linux"),
        ("a kernel beyond the end", image { $0.sections[5].offset = .max }, "before its section .linux does"),
        (
            "a kernel without end",
            image { ($0.sections[5].size, $0.sections[5].rawSize) = (.max, .max) },
            "before its section .linux does"
        ),
        (
            "an initramfs beyond the end", image { $0.sections[4].offset = 0x7FFF_FFFF },
            "section .initrd does"
        ),
        ("microcode beyond the end", image { $0.sections[3].offset = 0x7FFF_FFFF }, "section .ucode does"),
        ("words beyond the end", image { $0.sections[2].offset = 0x7FFF_FFFF }, "section .cmdline does"),
        (
            "endless words", image { $0.sections[2].content = [UInt8](repeating: 0x61, count: 70_000) },
            "command line has 70000 bytes"
        ),
        (
            "another one in it", image { $0.sections[5].content = Self.image() },
            "neither a Linux setup header"
        ),
        ("a text in it", image { $0.sections[5].content = Array("kernel\n".utf8) }, "a text file"),
        ("a kernel for another machine", image { $0.sections[5].content = arm64 }, "a kernel for arm64"),
    ]

    private static let arm64: [UInt8] = {
        var bytes = noise(4096)
        bytes.replaceSubrange(0x38..<0x3C, with: Array("ARMd".utf8))
        return bytes
    }()

    @Test(arguments: bad.indices)
    func isRefused(_ index: Int) throws {
        let (name, bytes, why) = Self.bad[index]
        let failure = try #require(throws: Failure.self) { try Booted(bytes) }
        #expect(failure.kind == .badInput, "\(name)")
        #expect(failure.description.contains(why), "\(name): \(failure)")
        #expect(failure.description.contains("linux.efi"), "\(name): \(failure)")
    }

    /// Wherever it is cut off: it says so, or what is missing is not needed.
    @Test func truncatedAnywhere() throws {
        let whole = Self.image()
        for count in stride(from: 1, to: whole.count - 1000, by: whole.count / 60) {
            #expect(throws: Failure.self) { try Booted(Array(whole.prefix(count))) }
        }
    }
}
