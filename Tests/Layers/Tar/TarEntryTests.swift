import Host
import Layers
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
