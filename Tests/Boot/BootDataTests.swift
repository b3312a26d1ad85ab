import GuestMemory
import Host
import Testing

@testable import Boot

/// What a kernel finds in memory and in its registers when it is entered.
@Suite struct BootDataTests {
    @Test(arguments: [
        (UInt64(128) << 20, [UInt64(0x800_0000)]),
        (3 << 30, [0xC000_0000]),
        (5 << 30, [0xC000_0000, 0x1_8000_0000]),
    ])
    func theMemoryMap(_ byteCount: UInt64, _ ends: [UInt64]) throws {
        let map = MemoryMap(of: try GuestMemory(byteCount: byteCount))
        var expected = [
            Entry(0, 0x9_FC00, 1), Entry(0x9_FC00, 0xA_0000, 2), Entry(0xE_0000, 0x10_0000, 2),
            Entry(0x10_0000, ends[0], 1),
        ]
        if ends.count > 1 { expected.append(Entry(0x1_0000_0000, ends[1], 1)) }
        #expect(
            map.entries.map { Entry($0.range.start.rawValue, $0.range.end!.rawValue, $0.kind.rawValue) }
                == expected)
    }

    @Test func theZeroPage() throws {
        let boot = try Boot(ELFWriter())
        #expect(boot.entry.form == .linux64)
        let page = GuestAddress(boot.entry.state.rsi)
        #expect(try boot.load(UInt64.self, page, 0x070) == boot.rsdp)
        #expect(try boot.load(UInt16.self, page, 0x1FE) == 0xAA55)
        #expect(try boot.load(UInt32.self, page, 0x202) == 0x5372_6448)
        #expect(try boot.load(UInt8.self, page, 0x210) == 0xFF)
        #expect(try boot.load(UInt8.self, page, 0x1EF) == 0, "the sentinel")
        let initramfs = try boot.load(UInt32.self, page, 0x218)
        #expect(try boot.load(UInt32.self, page, 0x21C) == 5)
        #expect(try boot.memory.bytes(at: GuestAddress(UInt64(initramfs)), count: 5) == Array("files".utf8))
        #expect(try boot.text(at: UInt64(boot.load(UInt32.self, page, 0x228))) == "console=hvc0 quiet")
        #expect(try boot.load(UInt8.self, page, 0x1E8) == 4)
        #expect(try boot.load(UInt64.self, page, 0x2D0 + 3 * 20) == 0x10_0000)
        #expect(try boot.load(UInt64.self, page, 0x2D0 + 3 * 20 + 8) == 63 * mebibyte)
        #expect(try boot.load(UInt32.self, page, 0x2D0 + 3 * 20 + 16) == 1)
    }

    @Test func theSetupHeaderOfABzImageIsPassedOn() throws {
        var image = BzImageWriter(ELFWriter(noise(5000)).bytes, .gzip)
        image.commandLineByteCount = 3000
        image.initramfsLimit = 0x1FF_FFFF
        let boot = try Boot(image.bytes, policy: LoadPolicy(entry: .linux64))
        let page = GuestAddress(boot.entry.state.rsi)
        #expect(try boot.load(UInt32.self, page, 0x238) == 3000)
        #expect(try boot.load(UInt16.self, page, 0x206) == 0x020F)
        #expect(try boot.load(UInt64.self, page, 0x258) == 0x100_0000)
        #expect(try boot.load(UInt8.self, page, 0x210) == 0xFF)
        #expect(try boot.load(UInt32.self, page, 0x218) == 0x1FF_F000)
        #expect(try boot.load(UInt8.self, page, 0x1E8) == 4)
    }

    @Test func theStartInfo() throws {
        var elf = ELFWriter()
        elf.addNotes(ELFWriter.note("Xen", type: 18, little(UInt32(0x10_0002))))
        let boot = try Boot(elf)
        #expect(boot.entry.form == .pvh)
        let info = GuestAddress(boot.entry.state.rbx)
        #expect(try boot.load(UInt32.self, info, 0) == 0x336E_C578)
        #expect(try boot.load(UInt32.self, info, 4) == 1)
        #expect(try boot.load(UInt32.self, info, 12) == 1)
        let module = GuestAddress(try boot.load(UInt64.self, info, 16))
        let start = GuestAddress(try boot.load(UInt64.self, module, 0))
        #expect(try boot.load(UInt64.self, module, 8) == 5)
        #expect(try boot.memory.bytes(at: start, count: 5) == Array("files".utf8))
        #expect(try boot.text(at: boot.load(UInt64.self, info, 24)) == "console=hvc0 quiet")
        #expect(try boot.load(UInt64.self, info, 32) == boot.rsdp)
        let map = GuestAddress(try boot.load(UInt64.self, info, 40))
        #expect(try boot.load(UInt32.self, info, 48) == 4)
        #expect(try boot.load(UInt64.self, map, 3 * 24) == 0x10_0000)
        #expect(try boot.load(UInt64.self, map, 3 * 24 + 8) == 63 * mebibyte)
        #expect(try boot.load(UInt64.self, map, 3 * 24 + 16) == 1)
    }

    @Test func the64BitEntry() throws {
        let state = try Boot(ELFWriter()).entry.state
        #expect(state.instructionPointer == 0x10_0000)
        #expect(state.cr0 == 0x8000_0011)
        #expect(state.cr4 == 0x20)
        #expect(state.extendedFeatures == 0x500)
        #expect(state.flags == 2)
        #expect(state.code.selector == 0x10 && state.code.isLong && !state.code.isDefault32)
        #expect(state.data.selector == 0x18)
    }

    @Test func thePVHEntry() throws {
        var elf = ELFWriter()
        elf.addNotes(ELFWriter.note("Xen", type: 18, little(UInt32(0x10_0002))))
        let state = try Boot(elf).entry.state
        #expect(state.instructionPointer == 0x10_0002)
        #expect(state.cr0 == 0x11)
        #expect(state.cr3 == 0 && state.cr4 == 0 && state.extendedFeatures == 0)
        #expect(state.flags == 2)
        #expect(!state.code.isLong && state.code.isDefault32 && state.code.limit == .max)
    }

    /// Every selector leads to the descriptor that the hidden part was loaded from.
    @Test func theDescriptorsMatchTheSegments() throws {
        let boot = try Boot(ELFWriter())
        let table = boot.entry.state.globalDescriptors
        #expect(table.limit == 39)
        let expected: [UInt64] = [
            0, 0x00CF_9B00_0000_FFFF, 0x00AF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0x0000_8B00_0000_0067,
        ]
        for (index, descriptor) in expected.enumerated() {
            #expect(try boot.load(UInt64.self, table.base, UInt64(index * 8)) == descriptor)
        }
    }

    /// Walks the tables as a CPU does.
    @Test(arguments: [UInt64(0), 0x10_0000, 0x7654_3210, 0xFEE0_0000, 0xFFFF_FFFF])
    func theFirst4GiBAreMappedToThemselves(_ address: UInt64) throws {
        let boot = try Boot(ELFWriter())
        var table = boot.entry.state.cr3
        for shift: UInt64 in [39, 30] {
            let entry = try boot.load(UInt64.self, GuestAddress(table), (address >> shift & 511) * 8)
            #expect(entry & 0b11 == 0b11)
            table = entry & 0x000F_FFFF_FFFF_F000
        }
        let page = try boot.load(UInt64.self, GuestAddress(table), (address >> 21 & 511) * 8)
        #expect(page & 0x83 == 0x83)
        #expect(page & 0x000F_FFFF_FFE0_0000 | address & 0x1F_FFFF == address)
    }

    @Test func aCommandLineThatIsTooLong() throws {
        #expect(throws: Never.self) {
            try Boot(ELFWriter(), commandLine: String(repeating: "x", count: 2047))
        }
        let failure = try #require(throws: Failure.self) {
            try Boot(ELFWriter(), commandLine: String(repeating: "x", count: 2048))
        }
        #expect(failure.kind == .usage)
        #expect(failure.why == "it has 2048 bytes, and the kernel takes at most 2047")
    }

    @Test func theKernelsOwnLimitOfTheCommandLine() throws {
        var image = BzImageWriter(ELFWriter(noise(5000)).bytes, .gzip)
        image.commandLineByteCount = 255
        let failure = try #require(throws: Failure.self) {
            try Boot(image.bytes, commandLine: String(repeating: "x", count: 256))
        }
        #expect(failure.why.contains("at most 255"))
        image.commandLineByteCount = .max
        let other = try #require(throws: Failure.self) {
            try Boot(image.bytes, commandLine: String(repeating: "x", count: 0x1_0000))
        }
        #expect(other.why.contains("at most 65535"))
    }

    @Test func aZeroByteInTheCommandLine() throws {
        let failure = try #require(throws: Failure.self) { try Boot(ELFWriter(), commandLine: "a\0b") }
        #expect(failure.kind == .usage)
    }

    @Test func aMachineWithTooLittleMemory() throws {
        let failure = try #require(throws: Failure.self) { try Boot(ELFWriter(), memory: mebibyte) }
        #expect(failure.kind == .usage)
        #expect(failure.why.contains("need the first 2 MiB"))
    }

    @Test func theWordsForAKernelWithoutACPI() {
        let description = MachineDescription(
            apicIDs: [0], virtioDevices: [0, 17].map { MachineDescription.VirtioDevice(index: $0) })
        #expect(
            description.commandLineParameters
                == "virtio_mmio.device=512@0xd0000000:6 virtio_mmio.device=512@0xd0011000:23")
    }

    struct Entry: Equatable {
        let start, end: UInt64
        let kind: UInt32

        init(_ start: UInt64, _ end: UInt64, _ kind: UInt32) {
            self.start = start
            self.end = end
            self.kind = kind
        }
    }
}

/// A machine that is ready to start.
private struct Boot {
    let memory: GuestMemory
    let entry: BootEntry

    init(
        _ kernel: [UInt8], memory byteCount: UInt64 = 64 * mebibyte,
        commandLine: String = "console=hvc0 quiet",
        policy: LoadPolicy = LoadPolicy()
    ) throws {
        let directory = try TemporaryDirectory()
        memory = try GuestMemory(byteCount: byteCount)
        var policy = policy
        policy.allowsAnyKernel = true
        entry = try LinuxLoader.load(
            kernel: directory.write(kernel, to: "kernel"),
            initramfs: [directory.write(Array("files".utf8), to: "initramfs")],
            description: MachineDescription(apicIDs: [0]), policy: policy, into: memory
        ) { _ in commandLine }
    }

    /// Where ACPI's tables begin, found as a kernel finds them that was not told.
    var rsdp: UInt64? {
        get throws {
            try stride(from: UInt64(0xE_0000), to: 0x10_0000, by: 16).first {
                try memory.bytes(at: GuestAddress($0), count: 8) == Array("RSD PTR ".utf8)
            }
        }
    }

    init(_ elf: ELFWriter, memory: UInt64 = 64 * mebibyte, commandLine: String = "console=hvc0 quiet") throws
    {
        try self.init(elf.bytes, memory: memory, commandLine: commandLine)
    }

    func load<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, _ base: GuestAddress, _ offset: UInt64
    ) throws -> Value {
        try memory.load(at: base + offset)
    }

    /// The text up to a zero.
    func text(at address: some FixedWidthInteger) throws -> String {
        let bytes = try memory.bytes(at: GuestAddress(UInt64(address)), count: 4096)
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
