import Host
import Layers
import Tar
import Testing

/// What members become.
@Suite struct TarEntryTests {
    private func kinds(_ write: (inout TarWriter) -> Void) throws -> [LayerEntry.Kind] {
        try RecordingSink.read(TarWriter.archive(write)).map(\.entry.kind)
    }

    private func path(_ text: String) throws -> LayerPath { try LayerPath(text) }

    @Test func everyType() throws {
        var console = TarWriter.Header("console", type: "3")
        (console.major, console.minor) = ("0000005\0", "0000001\0")
        var disk = TarWriter.Header("disk", type: "4")
        (disk.major, disk.minor) = ("0007777\0", "3777777\0")
        let found = try kinds { tar in
            tar.add("file", [1, 2, 3])
            tar.add(TarWriter.Header("old\0", type: "\0"))
            tar.add(TarWriter.Header("contiguous", type: "7", size: 1), data: [9])
            tar.add(TarWriter.Header("old-directory/", type: "\0"))
            tar.add(TarWriter.Header("dumped", type: "D", size: 5), data: Array("names".utf8))
            tar.add(TarWriter.Header("directory", type: "5"))
            tar.add(TarWriter.Header("pipe", type: "6"))
            tar.add(TarWriter.Header("symbolic", type: "2", linkName: "/../../etc"))
            tar.add(TarWriter.Header("hard", type: "1", linkName: "/file"))
            tar.add(console)
            tar.add(disk)
            tar.add(TarWriter.Header("volume", type: "V"))
        }
        #expect(
            try found == [
                .file(byteCount: 3), .file(byteCount: 0), .file(byteCount: 1), .directory, .directory,
                .directory,
                .fifo, .symbolicLink(target: Array("/../../etc".utf8)), .hardLink(to: path("file")),
                .characterDevice(major: 5, minor: 1), .blockDevice(major: 4095, minor: 1_048_575),
            ])
    }

    @Test func theSizeOfALinkMeansNothing() throws {
        let found = try kinds { tar in
            tar.add("file", [1])
            tar.add(TarWriter.Header("hard", type: "1", size: 4096, linkName: "file"))
            tar.add(TarWriter.Header("directory", type: "5", size: 4096))
            tar.add("last")
        }
        #expect(found.count == 4)
    }

    @Test func whiteouts() throws {
        let files = try RecordingSink.read(
            TarWriter.archive { tar in
                tar.add(".wh.gone")
                tar.add("a/b/.wh..hidden")
                tar.add("a/.wh..wh..opq", [1, 2, 3])
                tar.add(".wh..wh..opq")
                tar.add(".wh..wh.aufs", [1])
                tar.add(".wh..wh.plnk/")
                tar.add(".wh.directory/file")
            })
        #expect(
            try files.map(\.entry.path) == [
                path("gone"), path("a/b/.hidden"), path("a"), .root, path(".wh.directory/file"),
            ])
        #expect(files.map(\.entry.kind) == [.whiteout, .whiteout, .opaque, .opaque, .file(byteCount: 0)])
    }

    @Test(arguments: ["a/b", "/a/b", "./a/b", "a//b/", "././/a/./b/.", "///a/b"])
    func namesOfOneFile(_ name: String) throws {
        #expect(try LayerPath(name).names == [Array("a".utf8), Array("b".utf8)])
    }

    @Test(arguments: [".", "./", "/", "/./."]) func namesOfTheRoot(_ name: String) throws {
        #expect(try LayerPath(name) == .root)
    }

    @Test func names() throws {
        #expect(try LayerPath("...").names.count == 1)
        #expect(try LayerPath(String(repeating: "n", count: 255)).names.count == 1)
        #expect(try LayerPath(String(repeating: "d/", count: 2047)).names.count == 2047)
        #expect(throws: LayerPathError.longPath) { try LayerPath(String(repeating: "d/", count: 2048)) }
    }

    /// Extended headers count more than long names, these more than the header; the last of each kind counts.
    @Test func whichNameCounts() throws {
        let files = try RecordingSink.read(
            TarWriter.archive { tar in
                tar.add(TarWriter.Header("L", type: "L", size: 5), data: Array("long\0".utf8))
                tar.add("header")
                tar.add(TarWriter.Header("L", type: "L", size: 5), data: Array("long\0".utf8))
                tar.add(records: [("path", "pax")])
                tar.add("header")
                tar.add(records: [("path", "first")])
                tar.add(records: [("path", "second")])
                tar.add("header")
                tar.add(records: [("path", "first"), ("path", "")])
                tar.add("header")
            })
        #expect(try files.map(\.entry.path) == [path("long"), path("pax"), path("second"), path("header")])
    }

    @Test func theNameOfAUstarHeaderHasTwoParts() throws {
        var header = TarWriter.Header("name")
        header.prefix = Array("prefix/of".utf8)
        var gnu = header
        gnu.magic = "ustar  \0"
        let files = try RecordingSink.read(
            TarWriter.archive {
                $0.add(header)
                $0.add(gnu)
            })
        #expect(try files.map(\.entry.path) == [path("prefix/of/name"), path("name")])
    }

    @Test func globalRecords() throws {
        let files = try RecordingSink.read(
            TarWriter.archive { tar in
                tar.add(
                    records: [("uid", "7"), ("path", "all"), ("size", "99"), ("SCHILY.xattr.user.a", "b")],
                    type: "g")
                tar.add("one")
                tar.add(records: [("uid", "8")])
                tar.add("two")
                tar.add(records: [("uid", "")])
                tar.add("three")
                tar.add("four")
            })
        #expect(files.map(\.entry.userID) == [7, 8, 0o1750, 7])
        #expect(try files.map(\.entry.path) == [path("one"), path("two"), path("three"), path("four")])
        #expect(files.flatMap(\.entry.attributes) == [])
    }

    /// As docker and umoci have it: chown(2) takes 32 bits, and leaves the owner alone for -1.
    @Test(
        arguments: [
            (-2, 4_294_967_294), (-1, 0), (1 << 32, 0), (1 << 40, 0), (4_294_967_295, 0), (1 << 32 | 7, 7),
            (4_294_967_294, 4_294_967_294), (-1000, 4_294_966_296), (0, 0),
        ] as [(Int64, UInt32)]) func ownersBeyondTheirSize(_ number: Int64, _ owner: UInt32) throws
    {
        var block = TarWriter.Header("x").block
        block.replaceSubrange(108..<116, with: TarWriter.base256(number, byteCount: 8))
        block.replaceSubrange(116..<124, with: TarWriter.base256(number, byteCount: 8))
        block.replaceSubrange(148..<156, with: Array("        ".utf8))
        let sum = block.reduce(0) { $0 + Int($1) }
        block.replaceSubrange(148..<156, with: TarWriter.octal(sum, digits: 6) + [32])
        var pax = TarWriter()
        pax.add(records: [("uid", "\(number)"), ("gid", (number < 0 ? "" : "+") + "\(number)")])
        pax.add("x")
        for archive in [block + [UInt8](repeating: 0, count: 1024), pax.archive] {
            let entry = try #require(try RecordingSink.read(archive).first?.entry)
            #expect(entry.userID == owner && entry.groupID == owner)
        }
    }

    /// As Go's archive/tar reads them; GNU tar reads them so too.
    @Test(
        arguments: [
            ("0001750\0", 1000), ("1750   \0", 1000), ("   1750\0", 1000), ("\0\0\0\0" + "1750", 1000),
            ("\0   1750", 1000), ("1750\0xyz", 1000), ("1750\0" + "777", 1000), ("1750 \0xy", 1000),
            ("        ", 0), ("\0\0\0\0\0\0\0\0", 0), ("77777777", 0o77777777),
        ] as [(String, UInt32)]) func numbersAndTheirPadding(_ field: String, _ owner: UInt32) throws
    {
        var header = TarWriter.Header("x")
        header.userID = field
        let entry = try #require(try RecordingSink.read(TarWriter.archive { $0.add(header) }).first?.entry)
        #expect(entry.userID == owner)
    }

    @Test(arguments: ["1750xyz\0", "xyz", "1750 1\0", "1759\0", "-1\0", "+1\0", "0x1\0"])
    func noNumbers(_ field: String) throws {
        var header = TarWriter.Header("x")
        header.userID = field
        #expect(throws: Failure.self) { try RecordingSink.read(TarWriter.archive { $0.add(header) }) }
    }

    @Test func theSizeOfWhatHasNoDataMeansNothing() throws {
        var header = TarWriter.Header("x", type: "2", linkName: "y")
        header.size = TarWriter.base256(-1)
        header.mode = "7777777\0"
        let files = try RecordingSink.read(
            TarWriter.archive {
                $0.add(header)
                $0.add("after")
            })
        #expect(files.count == 2 && files[0].entry.permissions == 0o7777)
    }

    /// As docker has it: what aufs kept for itself is no file of the image, but what its links were is.
    @Test func leftoversOfAufs() throws {
        let files = try RecordingSink.read(
            TarWriter.archive { tar in
                tar.add(TarWriter.Header(".wh..wh.aufs"))
                tar.add(TarWriter.Header(".wh..wh.orph/", type: "5"))
                tar.add(TarWriter.Header(".wh..wh.orph/x"))
                tar.add(TarWriter.Header("./.wh..wh.plnk/", type: "5"))
                tar.add("./.wh..wh.plnk/12.34", Array("data".utf8))
                tar.add(TarWriter.Header(".wh..wh.plnk/directory/", type: "5"))
                tar.add(TarWriter.Header(".wh..wh.plnk/a/b"))
                tar.add(TarWriter.Header("a", type: "1", linkName: ".wh..wh.plnk/12.34"))
                tar.add(TarWriter.Header("d/b", type: "1", linkName: "/.wh..wh.plnk/12.34"))
                tar.add(".wh..wh..opq")
            })
        #expect(try files.map(\.entry.path) == [path(".wh..wh.plnk/12.34"), path("a"), path("d/b"), .root])
        #expect(files.map(\.entry.isHidden) == [true, false, false, false])
        #expect(files.last?.entry.kind == .opaque)
    }

    /// The last value counts, and stands where it was set; an empty one takes an attribute back.
    @Test func attributesThatAreSetAgain() throws {
        let many = (0..<20_000).map { ("SCHILY.xattr.user.\($0 % 900)", "\($0)") }
        let files = try RecordingSink.read(
            TarWriter.archive { tar in
                tar.add(records: [
                    ("SCHILY.xattr.user.a", "1"), ("SCHILY.xattr.user.b", "1"), ("SCHILY.xattr.user.a", "2"),
                    ("SCHILY.xattr.user.c", "1"), ("SCHILY.xattr.user.c", ""),
                ])
                tar.add("x")
                tar.add(records: many)
                tar.add("y")
            })
        #expect(
            files[0].entry.attributes.map { String(decoding: $0.name + $0.value, as: UTF8.self) } == [
                "user.b1", "user.a2",
            ])
        #expect(files[1].entry.attributes.count == 900)
        #expect(files[1].entry.attributes.last?.value == Array("19999".utf8))
    }

    @Test func attributesOfOtherSystemsAreLeftOut() throws {
        let files = try RecordingSink.read(
            TarWriter.archive { tar in
                tar.add(records: [
                    ("SCHILY.xattr.com.apple.quarantine", "x"), ("SCHILY.xattr.trusted.overlay.opaque", "y"),
                    ("LIBARCHIVE.xattr.user.%41b", "dmFsdWU"), ("LIBARCHIVE.xattr.user.c", "dmFsdWU="),
                    ("SCHILY.xattr.security.capability", "z"), ("SCHILY.xattr.user.", "none"),
                ])
                tar.add("x")
            })
        #expect(
            files[0].entry.attributes == [
                ExtendedAttribute(name: Array("user.Ab".utf8), value: Array("value".utf8)),
                ExtendedAttribute(name: Array("user.c".utf8), value: Array("value".utf8)),
                ExtendedAttribute(name: Array("security.capability".utf8), value: [UInt8(ascii: "z")]),
            ])
    }

    @Test func whatFollowsTheEndIsPassedOver() throws {
        var tar = TarWriter()
        tar.add("a")
        let garbage = tar.archive + Array("garbage, and no tar".utf8)
        #expect(try RecordingSink.read(garbage).count == 1)
        var digests: [Digest] = []
        for archive in [tar.archive, garbage] {
            var sink = RecordingSink()
            digests.append(try LayerArchive.read(MemorySource(archive, complaint: ""), into: &sink).content)
        }
        #expect(digests == [SHA256.digest(of: tar.archive), SHA256.digest(of: garbage)])
    }

    @Test func anArchiveWithoutItsEnd() throws {
        var tar = TarWriter()
        tar.add("a", [1])
        #expect(try RecordingSink.read(tar.bytes).count == 1)
    }

    @Test func oldChecksumsOfSignedBytes() throws {
        var header = TarWriter.Header("caf\u{E9}")
        header.checksum = "        "
        let sum = header.block.reduce(0) { $0 + Int(Int8(bitPattern: $1)) }
        header.checksum = String(sum, radix: 8) + "\0 "
        #expect(try RecordingSink.read(TarWriter.archive { $0.add(header) }).count == 1)
    }
}
