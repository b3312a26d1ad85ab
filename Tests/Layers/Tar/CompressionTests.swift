import Host
import Layers
import Tar
import Testing

/// Compressed layers, their digests, and damage to them.
@Suite struct CompressionTests {
    /// Some text that compresses, and a few kilobytes that do not.
    private static let make = """
        seq 1 60000 >text; head -c 20000 /dev/urandom >noise; tar -cf plain text noise
        """

    struct Packing: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let command: String
    }

    static let packings = [
        Packing(testDescription: "none", command: "cat plain"),
        Packing(testDescription: "gzip", command: "gzip -c plain"),
        Packing(testDescription: "gzip with a name", command: "gzip -cN plain"),
        Packing(
            testDescription: "gzip in members", command: "split -b 50000 plain s. && gzip s.* && cat s.*.gz"),
        Packing(testDescription: "gzip, padded", command: "gzip -c plain && head -c 3000 /dev/zero"),
        Packing(testDescription: "gzip, an empty member", command: "gzip -c /dev/null && gzip -c plain"),
        Packing(testDescription: "zstd", command: "zstd -cq plain"),
        Packing(
            testDescription: "zstd in frames",
            command: "split -b 50000 plain s. && zstd -q s.* && cat s.*.zst"),
        // Magic numbers from 0x184D2A50 on, and a length (RFC 8878, 3.1.2).
        Packing(
            testDescription: "zstd, frames to be passed over first",
            command: "printf 'P*M\\30\\3\\0\\0\\0abc_*M\\30\\0\\0\\0\\0'; zstd -cq plain"),
        Packing(
            testDescription: "zstd, and between, and last",
            command: """
                skip() { printf 'Z*M\\30\\5\\0\\0\\0abcde'; }
                split -b 50000 plain s.; for s in s.*; do skip; zstd -cq $s; done; skip; skip
                """),
        Packing(testDescription: "pzstd", command: "pzstd -p 3 -cq plain"),
        Packing(
            testDescription: "zstd, frames of nothing",
            command: "for i in 1 2 3; do zstd -cq </dev/null; done; zstd -cq plain; zstd -cq </dev/null"),
        Packing(testDescription: "zstd, far back", command: "zstd -cq --ultra -20 --long=27 plain"),
    ]

    @Test(arguments: packings) func isUnpackedAndDigested(_ packing: Packing) throws {
        let tools = try ToolDirectory()
        try tools.shell(Self.make)
        try tools.shell("(\(packing.command)) >packed; sha256sum plain packed | cut -c -64 >sums")
        let sums = String(decoding: try tools.bytes("sums"), as: UTF8.self).split(separator: "\n")
        let packed = try tools.bytes("packed")
        for pieceByteCount in [Int.max, 1000, 3] {
            var sink = RecordingSink()
            let digests = try LayerArchive.read(
                MemorySource(packed, pieceByteCount: pieceByteCount, complaint: "cannot read it"), into: &sink
            )
            #expect(digests.content.hexadecimal == sums[0] && digests.blob.hexadecimal == sums[1])
            #expect(digests.blobByteCount == UInt64(packed.count))
            #expect(try digests.contentByteCount == UInt64(tools.bytes("plain").count))
            let files = sink.complete()
            #expect(try files.file("text")?.content == tools.bytes("text"))
            #expect(try files.file("noise")?.content == tools.bytes("noise"))
        }
    }

    /// OCI image 1.1 asks for an archive, and builders write such layers for steps that change nothing.
    @Test(
        arguments: [
            "cat /dev/null", "gzip -c /dev/null", "zstd -cq </dev/null", "printf '^*M\\30\\1\\0\\0\\0x'",
            "gzip -c /dev/null; gzip -c /dev/null",
        ]) func aLayerOfNothing(_ command: String) throws
    {
        let tools = try ToolDirectory()
        try tools.shell("(\(command)) >packed")
        var sink = RecordingSink()
        let digests = try LayerArchive.read(
            MemorySource(tools.bytes("packed"), complaint: "cannot read it"), into: &sink)
        #expect(sink.complete().isEmpty && digests.contentByteCount == 0)
        #expect(digests.content == SHA256.digest(of: []))
    }

    @Test(arguments: ["gzip -9 -cn", "zstd -cq"]) func aTruncatedLayer(_ command: String) throws {
        let tools = try ToolDirectory()
        try tools.shell("seq 1 2000 >text; tar -cf plain text; \(command) plain >packed")
        let packed = try tools.bytes("packed")
        // With less than the magic bytes it is no archive at all.
        for byteCount in 4..<packed.count {
            let failure = try #require(throws: Failure.self) {
                try RecordingSink.read(Array(packed.prefix(byteCount)))
            }
            #expect(failure.why.contains("data ends too early"), "\(byteCount): \(failure)")
        }
        #expect(try RecordingSink.read(packed).count == 1)
    }

    @Test(arguments: ["gzip -9 -cn", "zstd -cq --check"]) func aDamagedLayer(_ command: String) throws {
        let tools = try ToolDirectory()
        try tools.shell("seq 1 500 >text; tar -cf plain text; \(command) plain >packed")
        let packed = try tools.bytes("packed")
        let good = try RecordingSink.read(packed)
        for index in packed.indices {
            var damaged = packed
            damaged[index] ^= 0x10
            // What has no checksum is the header's time and the like.
            if let files = try? RecordingSink.read(damaged) { #expect(files == good) }
        }
    }

    @Test func garbageBehindAMember() throws {
        let tools = try ToolDirectory()
        try tools.shell("tar -cz -f packed --files-from=/dev/null; printf garbage >>packed")
        let failure = try #require(throws: Failure.self) { try RecordingSink.read(tools.bytes("packed")) }
        #expect(failure.why == "its gzip data is damaged")
    }

    @Test(arguments: [("xz", "xz"), ("bzip2", "bzip2")]) func foreignCompressions(
        _ tool: String, _ name: String
    ) throws {
        let magic: [String: [UInt8]] = [
            "xz": [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "bzip2": Array("BZh91AY&SY".utf8),
        ]
        let failure = try #require(throws: Failure.self) { try RecordingSink.read(magic[tool]! + [0, 0, 0]) }
        #expect(failure.why == "it is compressed with \(name)")
        #expect(failure.cure == "Compress it with gzip or zstd, or not at all.")
    }

    /// A bomb: 256 MiB of zeroes in 256 KiB are a hole, and cost neither memory nor storage.
    @Test func muchOutOfLittle() throws {
        let tools = try ToolDirectory()
        try tools.shell("truncate -s 256M zeroes; tar -cz -f packed zeroes")
        let files = try RecordingSink.read(tools.bytes("packed"))
        #expect(files.file("zeroes")?.runs.allSatisfy { $0 != .data([]) } == true)
        #expect(files.file("zeroes")?.runs == [.hole(256 << 20)])
    }
}
