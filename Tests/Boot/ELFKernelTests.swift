import Foundation
import GuestMemory
import Testing

@testable import Boot

/// ELF kernels that can be loaded: what lies where afterwards.
@Suite struct ELFKernelTests {
    static let policies = [LoadPolicy(kernelPages: .map), LoadPolicy(kernelPages: .copy)]

    @Test(arguments: policies)
    func segmentsLieAtTheirPhysicalAddresses(_ policy: LoadPolicy) throws {
        var elf = ELFWriter(noise(3 * 4096 + 100))
        // Beginning and ending within pages, one that follows in the same page, one with a .bss, one that is
        // not congruent to its address.
        elf.add(noise(9000, seed: 2), at: 0x20_0123, skew: 0x123)
        elf.add(noise(50, seed: 3), at: 0x20_0123 + 9000)
        elf.add(noise(4097, seed: 4), at: 0x30_0000, memory: 0x9000)
        elf.add(noise(20_000, seed: 5), at: 0x40_0010)
        let loaded = try Loaded(elf.bytes, policy: policy)
        let expected = elf.segments.map { segment in
            let start = Int(segment.offset)
            return (
                segment.physicalAddress,
                Array(elf.bytes[start..<start + Int(segment.fileByteCount)])
            )
        }
        #expect(try loaded.holds(expected, upTo: 0x50_0000))
        #expect(loaded.kernel.entry == .linux64(GuestAddress(0x10_0000)))
        #expect(loaded.kernel.end == GuestAddress(0x40_0010 + 20_000))
    }

    @Test func aMappedKernelIsTheGuestsOwn() throws {
        let directory = try TemporaryDirectory()
        let bytes = ELFWriter(noise(8192)).bytes
        let path = try directory.write(bytes, to: "kernel")
        let memory = try GuestMemory(byteCount: 4 * mebibyte)
        let policy = LoadPolicy(allowsAnyKernel: true)
        _ = try KernelImage(InputFile(path, as: "kernel")).load(into: memory, policy)
        try memory.store(UInt64.max, at: GuestAddress(0x10_0800))
        let again = try GuestMemory(byteCount: 4 * mebibyte)
        _ = try KernelImage(InputFile(path, as: "kernel")).load(into: again, policy)
        #expect(try again.bytes(at: GuestAddress(0x10_0000), count: 8192) == Array(bytes[0x1000..<0x3000]))
    }

    @Test func aVirtualEntryIsTranslated() throws {
        var elf = ELFWriter()
        elf.add(noise(4096), at: 0x100_0000, virtual: 0xFFFF_FFFF_8100_0000)
        elf.entry = 0xFFFF_FFFF_8100_0123
        #expect(try Loaded(elf.bytes).kernel.entry == .linux64(GuestAddress(0x100_0123)))
    }

    @Test func programHeadersMayLieAnywhere() throws {
        var elf = ELFWriter(noise(20_000))
        let plain = elf.bytes
        elf.programHeaderOffset = UInt64(plain.count)
        let moved = elf.bytes + plain[64..<64 + 56]
        #expect(try Loaded(moved).kernel.entry == .linux64(GuestAddress(0x10_0000)))
    }

    @Test(arguments: [little(UInt32(0x10_0002)), little(UInt64(0x10_0002))], [4, 8])
    func theNoteNamesThePVHEntry(_ descriptor: [UInt8], _ alignment: Int) throws {
        var elf = ELFWriter()
        elf.addNotes(
            ELFWriter.note("GNU", type: 3, noise(20), alignment: alignment)
                + ELFWriter.note("Xen", type: 6, Array("linux\0".utf8), alignment: alignment)
                + ELFWriter.note("Xen", type: 18, descriptor, alignment: alignment),
            alignment: UInt64(alignment))
        #expect(try Loaded(elf.bytes).kernel.entry == .pvh(GuestAddress(0x10_0002)))
        let policy = LoadPolicy(entry: .linux64)
        #expect(try Loaded(elf.bytes, policy: policy).kernel.entry == .linux64(GuestAddress(0x10_0000)))
    }

    static let uselessNotes: [[UInt8]] = [
        [],
        [1, 2, 3],
        ELFWriter.note("Xen", type: 18, little(UInt64(0x8000_0000))),
        ELFWriter.note("Xen", type: 18, [1, 2]),
        ELFWriter.note("Ten", type: 18, little(UInt32(0x10_0002))),
        little(UInt32.max) + little(UInt32.max) + little(UInt32(18)) + Array("Xen\0".utf8),
        little(UInt32(4)) + little(UInt32(8)) + little(UInt32(18)) + Array("Xen\0".utf8) + [1],
    ]

    @Test(arguments: uselessNotes)
    func aNoteThatLeadsNowhereLeavesTheOtherEntry(_ notes: [UInt8]) throws {
        var elf = ELFWriter()
        elf.addNotes(notes)
        #expect(try Loaded(elf.bytes).kernel.entry == .linux64(GuestAddress(0x10_0000)))
    }

    @Test func notesBeyondTheFileAreNone() throws {
        var elf = ELFWriter()
        elf.addNotes(ELFWriter.note("Xen", type: 18, little(UInt32(0x10_0002))))
        elf.segments[1].offset = .max - 4
        elf.segments[1].fileByteCount = .max
        #expect(try Loaded(elf.bytes).kernel.entry == .linux64(GuestAddress(0x10_0000)))
    }

    /// FreeBSD's kernel has a PT_INTERP, "/red/herring".
    @Test func aPVHNoteMakesItAKernelWhateverElseItHas() throws {
        var elf = ELFWriter()
        elf.add(Array("/red/herring\0".utf8), at: 0x20_0000)
        elf.segments[1].type = 3
        elf.addNotes(ELFWriter.note("Xen", type: 18, little(UInt32(0x10_0002))))
        #expect(
            try Loaded(elf.bytes, looksLikeOne: true).kernel.entry == .pvh(GuestAddress(0x10_0002)))
    }

    static let kernels: [(name: String, change: @Sendable (inout ELFWriter) -> Void, acpi: ACPISupport)] = [
        (
            "Linux by its banner",
            {
                $0.add(
                    noise(9000) + Array("\0Linux version 4.14.55 (x)\0RSD PTR \0pci_bus\0".utf8),
                    at: 0x20_0001)
            },
            .complete
        ),
        (
            "Linux without PCI",
            { $0.add(Array("Linux version 6.18.55 (x)\0RSD PTR \0pci_bus_id\0".utf8), at: 0x20_0001) },
            .findsNoDevices
        ),
        (
            "Linux without ACPI",
            {
                $0.add(Array("Linux version %s\0Linux version 6.12.1 (x)".utf8) + noise(9000), at: 0x20_0000)
            }, .none
        ),
        (
            "Linux by its note",
            {
                $0.add(ELFWriter.note("Linux", type: 0x100, [0]), at: 0x20_0000)
                var note = $0.segments[1]
                note.type = 4
                $0.segments.append(note)
            }, .complete
        ),
    ]

    @Test(arguments: kernels.indices)
    func aKernelWithoutPVHIsRecognized(_ index: Int) throws {
        let (name, change, acpi) = Self.kernels[index]
        var elf = ELFWriter()
        change(&elf)
        for bytes in [elf.bytes, Compression.lz4.file(of: elf.bytes)] {
            let kernel = try Loaded(bytes, looksLikeOne: true).kernel
            #expect(kernel.entry == .linux64(GuestAddress(0x10_0000)), "\(name)")
            #expect(kernel.acpi == acpi, "\(name)")
        }
    }

    /// Whoever may write the file could cut it off, or change the code of a guest that runs.
    @Test(arguments: [(mode_t(0o644), true), (0o600, true), (0o664, false), (0o646, false)])
    func aFileThatOthersMayWriteIsNotMapped(_ mode: mode_t, isMapped: Bool) throws {
        let directory = try TemporaryDirectory()
        let bytes = ELFWriter(noise(8192)).bytes
        let path = try directory.write(bytes, to: "kernel")
        #expect(unsafe chmod(path, mode) == 0)
        let memory = try GuestMemory(byteCount: 4 * mebibyte)
        _ = try KernelImage(InputFile(path, as: "kernel")).load(
            into: memory, LoadPolicy(allowsAnyKernel: true))
        let changed = try #require(FileHandle(forWritingAtPath: path))
        try changed.seek(toOffset: 0x1000)
        try changed.write(contentsOf: Data([UInt8](repeating: 0x5A, count: 8192)))
        let expected = isMapped ? [UInt8](repeating: 0x5A, count: 8192) : Array(bytes[0x1000...])
        #expect(try memory.bytes(at: GuestAddress(0x10_0000), count: 8192) == expected)
    }

    @Test(arguments: Compression.allCases)
    func aCompressedFileThatOthersMayWriteIsCopied(_ compression: Compression) throws {
        let bytes = BzImageWriter(BzImageTests.file, compression).bytes
        let loaded = try Loaded(bytes, memory: 32 * mebibyte, mode: 0o666)
        #expect(try loaded.holds(BzImageTests.expected, upTo: 32 * mebibyte))
    }
}
