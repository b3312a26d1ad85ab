import GuestMemory
import Host
import Testing

@testable import Boot

/// bzImages and compressed kernels: unpacked by us, or entered as they are.
@Suite struct BzImageTests {
    /// As Linux' vmlinux: code, data that lies further on in memory than in the file, a .bss, a PVH note in
    /// the code.
    static let kernel: ELFWriter = {
        var elf = ELFWriter(
            noise(5000) + ELFWriter.note("Xen", type: 18, little(UInt32(0x100_0040))) + noise(70_000, seed: 2)
        )
        elf.segments[0].physicalAddress = 0x100_0000
        elf.segments[0].virtualAddress = 0xFFFF_FFFF_8100_0000
        elf.add([UInt8](repeating: 7, count: 300_000), at: 0x110_0000, virtual: 0xFFFF_FFFF_8110_0000)
        elf.add(noise(10_001, seed: 3), at: 0x11A_0010, virtual: 0, memory: 0x30_000)
        elf.add(noise(200_000, seed: 4), at: 0x120_0000, memory: 0x40_0000)
        elf.byteCount = 700_000
        elf.entry = 0x100_0000
        elf.segments.append(
            ELFWriter.Segment(
                type: 4, offset: 0x1000 + 5000, virtualAddress: 0, physicalAddress: 0, fileByteCount: 20,
                memoryByteCount: 20))
        return elf
    }()

    static let file = kernel.bytes

    /// What memory holds above 1 MiB when `kernel` is in it.
    static let expected = kernel.segments.dropLast().map { segment in
        let start = Int(segment.offset)
        return (segment.physicalAddress, Array(file[start..<start + Int(segment.fileByteCount)]))
    }

    @Test(arguments: Compression.allCases)
    func aPayloadIsUnpacked(_ compression: Compression) throws {
        let loaded = try Loaded(BzImageWriter(Self.file, compression).bytes, memory: 32 * mebibyte)
        #expect(try loaded.holds(Self.expected, upTo: 32 * mebibyte))
        #expect(loaded.kernel.entry == .pvh(GuestAddress(0x100_0040)))
        #expect(loaded.kernel.end == GuestAddress(0x160_0000))
        #expect(loaded.kernel.header?.commandLineByteCount == 2047)
    }

    @Test(arguments: Compression.allCases)
    func aCompressedELFIsUnpacked(_ compression: Compression) throws {
        let loaded = try Loaded(compression.file(of: Self.file), memory: 32 * mebibyte)
        #expect(try loaded.holds(Self.expected, upTo: 32 * mebibyte))
        #expect(loaded.kernel.entry == .pvh(GuestAddress(0x100_0040)))
        #expect(loaded.kernel.header == nil)
    }

    @Test func severalBlocksOfLZ4AreUnpacked() throws {
        var elf = ELFWriter()
        elf.add(noise(100), at: 0x100_0000)
        elf.add([UInt8](repeating: 1, count: 20 << 20) + noise(100), at: 0x110_0000)
        let loaded = try Loaded(BzImageWriter(elf.bytes, .lz4).bytes)
        #expect(try loaded.memory.bytes(at: GuestAddress(0x110_0000 + 20 << 20), count: 100) == noise(100))
        #expect(
            try loaded.memory.load(UInt64.self, at: GuestAddress(0x110_0000 + 8 << 20))
                == 0x0101_0101_0101_0101)
    }

    /// What lies low in the file high in memory, and the other way round.
    @Test func segmentsMayLieInAnyOrder() throws {
        var elf = ELFWriter(noise(100_000))
        elf.segments[0].physicalAddress = 0x200_0000
        elf.add(noise(100_000, seed: 2), at: 0x10_0000)
        elf.add(noise(50_000, seed: 3), at: 0x201_9000)
        elf.add(noise(100_000, seed: 4), at: 0x1F0_0007)
        let loaded = try Loaded(BzImageWriter(elf.bytes, .zstd).bytes)
        let file = elf.bytes
        let expected = elf.segments.map {
            ($0.physicalAddress, Array(file[Int($0.offset)..<Int($0.offset + $0.fileByteCount)]))
        }
        #expect(try loaded.holds(expected, upTo: 64 * mebibyte))
    }

    @Test func itIsEnteredAsItIsWhenAskedFor() throws {
        let image = BzImageWriter(Self.file, .lz4)
        let loaded = try Loaded(image.bytes, policy: LoadPolicy(compressed: .enter))
        #expect(try loaded.holds([(0x100_0000, image.code)], upTo: 32 * mebibyte))
        #expect(loaded.kernel.entry == .linux64(GuestAddress(0x100_0200)))
        #expect(loaded.kernel.end == GuestAddress(0x120_0000))
    }

    @Test func itIsEnteredAsItIsWhenTheCompressionIsNotOurs() throws {
        let image = BzImageWriter(payload: Array("BZh9".utf8) + noise(5000))
        let loaded = try Loaded(image.bytes)
        #expect(loaded.kernel.entry == .linux64(GuestAddress(0x100_0200)))
        #expect(try loaded.holds([(0x100_0000, image.code)], upTo: 32 * mebibyte))
    }

    /// Memtest86+ is one.
    @Test func itIsEnteredAsItIsWhenItHasNoPayload() throws {
        var image = BzImageWriter(payload: noise(5000))
        (image.payloadOffset, image.payloadByteCount) = (0, 0)
        let loaded = try Loaded(image.bytes, looksLikeOne: true)
        #expect(loaded.kernel.entry == .linux64(GuestAddress(0x100_0200)))
        #expect(try loaded.holds([(0x100_0000, image.code)], upTo: 32 * mebibyte))
    }

    @Test func itIsEnteredAsItIsWhenThereIsNoRoomToUnpack() throws {
        var elf = ELFWriter(noise(5000))
        elf.byteCount = 16 << 20
        let loaded = try Loaded(BzImageWriter(elf.bytes, .zstd).bytes, memory: 20 * mebibyte)
        #expect(
            loaded.kernel.entry == .pvh(GuestAddress(0x10_0000))
                || loaded.kernel.entry == .linux64(GuestAddress(0x10_0000)))
        elf.byteCount = 32 << 20
        let other = try Loaded(BzImageWriter(elf.bytes, .zstd).bytes, memory: 20 * mebibyte)
        #expect(other.kernel.entry == .linux64(GuestAddress(0x100_0200)))
    }

    static let bad: [(name: String, image: BzImageWriter, policy: LoadPolicy, why: String)] = [
        ("32-bit", changed { $0.loadFlags = 0 }, LoadPolicy(), "without a 64-bit entry"),
        ("old", changed { $0.version = 0x0206 }, LoadPolicy(), "without a 64-bit entry"),
        (
            "setup beyond the end",
            changed {
                $0.setupSectors = 255
                $0.payload = []
            }, LoadPolicy(), "truncated"
        ),
        ("payload beyond the end", changed { $0.payloadByteCount += 1 }, LoadPolicy(), "truncated"),
        ("payload nowhere", changed { $0.payloadOffset = .max }, LoadPolicy(), "truncated"),
        (
            "a payload of its size alone", changed { $0.payloadByteCount = 4 }, LoadPolicy(),
            "names no payload"
        ),
        ("damaged", changed { $0.payload[3000] ^= 0xFF }, LoadPolicy(), "damaged"),
        (
            "larger than it says",
            changed { image in
                image.payload.replaceSubrange(
                    image.payload.count - 4..<image.payload.count, with: little(UInt32(690_000)))
            },
            LoadPolicy(), "more than it says"
        ),
        ("no ELF", BzImageWriter(Array("hello".utf8), .xz), LoadPolicy(), "not an ELF file"),
        ("32-bit payload", BzImageWriter(elf { $0.fileClass = 1 }, .gzip), LoadPolicy(), "32-bit ELF"),
        (
            "segments beyond the payload",
            BzImageWriter(
                elf {
                    $0.segments[0].fileByteCount = 0x2000
                    $0.segments[0].memoryByteCount = 0x2000
                }, .zstd),
            LoadPolicy(), "truncated"
        ),
        (
            "payload larger than memory",
            BzImageWriter(elf { $0.segments[0].memoryByteCount = 500 * mebibyte }, .lz4),
            LoadPolicy(), "needs memory up to 501 MiB"
        ),
        (
            "loaded nowhere", changed { $0.preferredAddress = .max - 5 }, LoadPolicy(compressed: .enter),
            "no room"
        ),
        ("loaded low", changed { $0.preferredAddress = 0x1000 }, LoadPolicy(compressed: .enter), "no room"),
        (
            "init_size larger than memory", changed { $0.initByteCount = 0x1000_0000 },
            LoadPolicy(compressed: .enter), "memory up to 272 MiB"
        ),
    ]

    @Test(arguments: bad.indices)
    func isRefused(_ index: Int) throws {
        let (name, image, policy, why) = Self.bad[index]
        let failure = try refusal(of: image.bytes, policy: policy)
        #expect(failure.kind == .badInput, "\(name)")
        #expect(failure.why.contains(why), "\(name): \(failure)")
    }

    /// Wherever a bzImage is cut off, it says so or is entered as it is; nothing traps.
    @Test(arguments: Compression.allCases)
    func truncatedAnywhere(_ compression: Compression) throws {
        let whole = BzImageWriter(Self.file, compression).bytes
        for count in stride(from: 1, to: whole.count, by: whole.count / 50) {
            _ = try refusal(of: Array(whole.prefix(count)))
        }
    }

    @Test(arguments: Compression.allCases)
    func aTruncatedCompressedELF(_ compression: Compression) throws {
        let whole = compression.file(of: Self.file)
        for count in stride(from: 8, to: whole.count * 3 / 4, by: whole.count / 50) {
            _ = try refusal(of: Array(whole.prefix(count)))
        }
    }

    private static func changed(_ change: (inout BzImageWriter) -> Void) -> BzImageWriter {
        var image = BzImageWriter(file, .xz)
        change(&image)
        return image
    }

    private static func elf(_ change: (inout ELFWriter) -> Void) -> [UInt8] {
        var elf = ELFWriter()
        change(&elf)
        return elf.bytes
    }
}
