import Host
import Layers
import Testing

/// Sparse files in all the ways in which archives have them, and maps that no file can have.
@Suite struct TarSparseTests {
    private static let formats = [
        "gnu", "oldgnu", "pax --sparse-version=0.0", "pax --sparse-version=0.1", "pax --sparse-version=1.0",
    ]

    @Test(arguments: formats) func holesSurvive(_ format: String) throws {
        let tools = try ToolDirectory()
        // More pieces than a header, and than a block behind it, has room for.
        try tools.python(
            """
            with open('few', 'wb') as f:
                f.seek(1 << 20); f.write(b'middle'); f.seek(5 << 20); f.write(b'late'); f.truncate(9 << 20)
            with open('many', 'wb') as f:
                for i in range(60): f.seek(i * 16384); f.write(b'%d' % i)
            with open('hole', 'wb') as f: f.truncate(1 << 40)
            with open('data', 'wb') as f: f.write(b'x' * 10000)
            """)
        try tools.shell("tar -cSf a --format=\(format) few many hole data")
        let files = try RecordingSink.read(tools.bytes("a"))
        #expect(try files.file("few")?.content == tools.bytes("few"))
        #expect(try files.file("many")?.content == tools.bytes("many"))
        #expect(try files.file("data")?.content == tools.bytes("data"))
        #expect(files.file("hole")?.runs == [.hole(1 << 40)])
        #expect(files.file("few")?.hasHole == true)
        #expect(
            files.map(\.entry.path.description).sorted() == ["\"data\"", "\"few\"", "\"hole\"", "\"many\""])
    }

    @Test func bsdtarsSparseFiles() throws {
        let tools = try ToolDirectory()
        try tools.shell("truncate -s 4M f; printf end >>f; bsdtar -cf a --read-sparse --format=pax f")
        let files = try RecordingSink.read(tools.bytes("a"))
        #expect(try files.file("f")?.content == tools.bytes("f"))
    }

    /// A map of 3 MB that grows by a piece with each of very many headers: whoever copies it each time copies
    /// 60 GB.
    @Test func mapOverManyHeaders() throws {
        let (inOne, afterwards) = (200_000, 20_000)
        var writer = TarWriter()
        let list = (0..<inOne).map { _ in "0,0" }.joined(separator: ",")
        writer.add(records: [("GNU.sparse.size", "5"), ("GNU.sparse.map", list)])
        let piece = TarWriter.archive {
            $0.add(records: [("GNU.sparse.offset", "0"), ("GNU.sparse.numbytes", "0")])
        }.dropLast(1024)
        for _ in 0..<afterwards { writer.bytes += piece }
        writer.add(records: [("GNU.sparse.offset", "0"), ("GNU.sparse.numbytes", "5")])
        writer.add("file", Array("whole".utf8))
        let files = try RecordingSink.read(writer.archive)
        #expect(files.file("file")?.content == Array("whole".utf8))
    }

    // MARK: maps that make no sense

    struct Map: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let fileByteCount: UInt64
        let pieces: [(UInt64, UInt64)]
        let why: String
    }

    static let badMaps = [
        Map(testDescription: "overlap", fileByteCount: 8192, pieces: [(0, 300), (200, 212)], why: "overlap"),
        Map(
            testDescription: "disorder", fileByteCount: 8192, pieces: [(4096, 256), (0, 256)], why: "overlap"),
        Map(
            testDescription: "beyond the end", fileByteCount: 600, pieces: [(500, 512)],
            why: "beyond the end of the file"),
        Map(
            testDescription: "an end beyond numbers", fileByteCount: 8192, pieces: [(.max, 512)],
            why: "beyond"),
        Map(
            testDescription: "more than the data", fileByteCount: 8192, pieces: [(0, 513)],
            why: "add up to its data"
        ),
        Map(
            testDescription: "less than the data", fileByteCount: 8192, pieces: [(0, 511)],
            why: "add up to its data"
        ),
        Map(testDescription: "no pieces", fileByteCount: 8192, pieces: [], why: "add up to its data"),
        Map(
            testDescription: "an empty piece behind the end", fileByteCount: 512,
            pieces: [(0, 512), (513, 0)], why: "beyond"),
    ]

    private static let data = [UInt8](repeating: 7, count: 512)

    /// The same map in each version of pax; version 1.0 has it in the data.
    private static func archives(_ map: Map) -> [[UInt8]] {
        let size = String(map.fileByteCount)
        let pairs = map.pieces.map { [("GNU.sparse.offset", "\($0.0)"), ("GNU.sparse.numbytes", "\($0.1)")] }
        let list = map.pieces.map { "\($0.0),\($0.1)" }.joined(separator: ",")
        var lines = Array("\(map.pieces.count)\n\(map.pieces.map { "\($0.0)\n\($0.1)\n" }.joined())".utf8)
        lines += [UInt8](repeating: 0, count: 512 - lines.count)
        return [
            TarWriter.archive { tar in
                tar.add(records: [("GNU.sparse.size", size)] + pairs.flatMap(\.self))
                tar.add("f", data)
            },
            TarWriter.archive { tar in
                tar.add(records: [("GNU.sparse.size", size), ("GNU.sparse.map", list)])
                tar.add("f", data)
            },
            TarWriter.archive { tar in
                tar.add(records: [
                    ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", size),
                ])
                tar.add("f", lines + data)
            },
        ]
    }

    @Test(arguments: badMaps) func aMapThatMakesNoSense(_ map: Map) throws {
        for archive in Self.archives(map) {
            let failure = try #require(throws: Failure.self) { try RecordingSink.read(archive) }
            #expect(failure.kind == .badInput && failure.why.contains(map.why), "\(failure)")
        }
    }

    @Test func aMapThatMakesSense() throws {
        let map = Map(
            testDescription: "", fileByteCount: 8192, pieces: [(0, 12), (4096, 500), (8192, 0)], why: "")
        for archive in Self.archives(map) {
            let content = try #require(try RecordingSink.read(archive).file("f")).content
            #expect(content.count == 8192)
            #expect(content[..<13] == Self.data[..<12] + [0])
            #expect(content[4096..<4596] == Self.data[..<500])
        }
    }

    struct Records: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let records: [(String, String)]
    }

    @Test(arguments: [
        Records(testDescription: "no size", records: [("GNU.sparse.major", "1")]),
        Records(
            testDescription: "a version to come",
            records: [("GNU.sparse.major", "2"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "9")]),
        Records(
            testDescription: "half a pair", records: [("GNU.sparse.size", "9"), ("GNU.sparse.map", "1")]),
        Records(
            testDescription: "no offset", records: [("GNU.sparse.size", "9"), ("GNU.sparse.numbytes", "1")]),
        Records(
            testDescription: "negative", records: [("GNU.sparse.size", "9"), ("GNU.sparse.map", "-1,1")]),
        Records(
            testDescription: "a size beyond numbers", records: [("GNU.sparse.size", "18446744073709551616")]),
        Records(
            testDescription: "a size beyond files",
            records: [
                ("GNU.sparse.size", "9223372036854775808"), ("GNU.sparse.map", "0,512"),
            ]),
        Records(
            testDescription: "an endless list",
            records: [
                ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "9"),
            ]),
    ]) func recordsThatMakeNoSense(_ records: Records) throws {
        let archive = TarWriter.archive { tar in
            tar.add(records: records.records)
            tar.add(
                "f", Array("4611686018427387904\n".utf8) + [UInt8](repeating: UInt8(ascii: "1"), count: 493))
        }
        let failure = try #require(throws: Failure.self) { try RecordingSink.read(archive) }
        #expect(failure.kind == .badInput)
    }

    /// Blocks of an old map that go on for ever are given up before they fill memory.
    @Test func anOldMapWithoutAnEnd() throws {
        var tar = TarWriter()
        var header = TarWriter.Header("f", type: "S")
        header.magic = "ustar  \0"
        // GNU's header has its first pieces where ustar has the prefix: 386 is 41 bytes into it, 482 is 137.
        header.prefix = [UInt8](repeating: 0, count: 138)
        header.prefix[137] = 1
        tar.add(header)
        var block = [UInt8](repeating: 0, count: 512)
        for index in 0..<21 { block.replaceSubrange(24 * index..<24 * index + 11, with: "00000000000".utf8) }
        block[504] = 1
        let blocks = [[UInt8]](repeating: block, count: 50_000).flatMap(\.self)
        let failure = try #require(throws: Failure.self) { try RecordingSink.read(tar.bytes + blocks) }
        #expect(failure.why.contains("more than 1048576 pieces"), "\(failure)")
    }
}
