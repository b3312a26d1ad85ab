import Host
import Layers
import Testing

/// Archives that nobody should write: each is refused in a line or two that say what is wrong.
@Suite struct BadArchiveTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let archive: [UInt8]
        let why: String

        init(_ name: String, _ why: String, _ write: (inout TarWriter) -> Void) {
            (testDescription, self.why, archive) = (name, why, TarWriter.archive(write))
        }

        /// A member whose header is changed.
        init(
            _ name: String, why: String, type: Character = "0", link: String = "",
            _ change: (inout TarWriter.Header) -> Void
        ) {
            self.init(name, why) { tar in
                tar.add("before")
                var header = TarWriter.Header("file", type: type, linkName: link)
                change(&header)
                tar.add(header)
            }
        }
    }

    static let names = [
        Case("traversal", "leaves the layer") { $0.add("../../etc/passwd") },
        Case("traversal within", "leaves the layer") { $0.add("a/../b") },
        Case("traversal at the end", "leaves the layer") { $0.add("a/..") },
        Case("traversal by pax", "leaves the layer") {
            $0.add(records: [("path", "/a/../../b")])
            $0.add("x")
        },
        Case("no name", "its name is not a valid path in a layer: it is empty") { $0.add("") },
        Case("a name of 256 bytes", "longer than 255 bytes") {
            $0.add(records: [("path", "a/" + String(repeating: "n", count: 256))])
            $0.add("x")
        },
        Case("a path of 100,000 directories", "longer than 4095 bytes") {
            $0.add(records: [("path", String(repeating: "d/", count: 100_000))])
            $0.add("x")
        },
        Case("a zero byte in a name", "invalid value") {
            $0.add(records: [("path", "a\0b")])
            $0.add("x")
        },
        Case("a zero byte in a long name", "zero byte") {
            $0.add(TarWriter.Header("././@LongLink", type: "L", size: 4), data: Array("a\0b\0".utf8))
            $0.add("x")
        },
        Case("a white-out of nothing", "white-out names no file") { $0.add("a/.wh.") },
        Case("a white-out of ..", "white-out names no file") { $0.add("a/.wh...") },
        Case("a white-out of .", "white-out names no file") { $0.add(".wh..") },
        Case("the root as a file", "the root is a directory") {
            $0.add("./")
            $0.add(".")
        },
        Case("a name to fool a terminal", "\\u{1B}[2J") { $0.add("\u{1B}[2J/..") },
    ]

    static let links = [
        Case("a hard link out of the layer", "leaves the layer", type: "1", link: "../../etc/shadow"),
        Case(
            "a hard link to nothing", "its target is not a valid path in a layer: it is empty", type: "1",
            link: ""),
        Case("a hard link to itself", "a hard link to itself", type: "1", link: "./file"),
        Case("a hard link to the root", "a hard link to itself", type: "1", link: "/"),
        Case("a symbolic link to nothing", "its target is empty", type: "2", link: ""),
    ]

    static let numbers = [
        Case("a wrong checksum", why: "its checksum is wrong") { $0.checksum = "000000\0 " },
        Case("no checksum", why: "its checksum is wrong") { $0.checksum = "        " },
        Case("a negative size", why: "its size is not a number") { $0.size = TarWriter.base256(-1) },
        Case("a size beyond numbers", why: "its size is not") {
            $0.size = [0x80] + .init(repeating: 0xFF, count: 11)
        },
        Case("a size beyond files", why: "truncated") { $0.size = TarWriter.base256(.max) },
        Case("a size of words", why: "its size is not") { $0.size = Array("everything!\0".utf8) },
        Case("digits after the end", why: "its size is not") { $0.size = Array("0000 0000 1\0".utf8) },
        Case("an owner beyond numbers", why: "its uid is not") {
            $0.userID = "77777777" + ""
            $0.userID = "9999999\0"
        },
        Case("a device beyond Linux", why: "its device number", type: "3") { $0.major = "0010000\0" },
        Case("a minor beyond Linux", why: "its device number", type: "4") { $0.minor = "4000000\0" },
        Case("a type that nobody knows", why: "its type \"Z\" is unknown", type: "Z") { _ in },
        Case("the rest of another volume", why: "its type \"M\" is unknown", type: "M") { _ in },
    ]

    static let records = [
        bad("too long a record", "99 path=x\n"), bad("too short a record", "5 path=x\n"),
        bad("a record without length", "path=x\n"), bad("a record without =", "8 path \n"),
        bad("a record without key", "5 =x\n"), bad("a record without newline", "9 path=xy"),
        bad("a negative length", "-9 path=x\n"), bad("a length of 0", "0 path=x\n"),
        bad("a length beyond numbers", "99999999999999999999999 path=x\n"),
        bad("a length that ends within itself", "1 "), bad("only a length", "2"),
        value("size", "-1"), value("size", "18446744073709551616"), value("size", "12x"),
        value("uid", "9223372036854775808"), value("gid", "--2"), value("gid", "-"),
        value("mtime", "yesterday"), value("mtime", "1.x"),
        value("mtime", "9223372036854775808"), value("mtime", "-"), value("mtime", "."),
        value("SCHILY.xattr.user." + String(repeating: "n", count: 251), "v"),
        value("SCHILY.xattr.user.big", String(repeating: "v", count: 65537)),
        value("LIBARCHIVE.xattr.user.a", "A"), value("LIBARCHIVE.xattr.user.a", "QQ=A"),
        value("LIBARCHIVE.xattr.user.%4", "QQ"), value("LIBARCHIVE.xattr.user.%+1", "QQ"),
    ]

    private static func bad(_ name: String, _ body: String) -> Case {
        Case(name, "its records are malformed") { tar in
            tar.add(TarWriter.Header("PaxHeader", type: "x", size: body.utf8.count), data: Array(body.utf8))
            tar.add("x")
        }
    }

    private static func value(_ key: String, _ value: String) -> Case {
        Case("\(key.prefix(30))=\(value.prefix(30))", "has an invalid value") { tar in
            tar.add(records: [(key, value)])
            tar.add("x")
        }
    }

    static let structure = [
        Case("text", "it is not a tar archive") {
            $0.bytes = Array(String(repeating: "words ", count: 200).utf8)
        },
        Case("an extension of 1 GiB", "an extension that is too long") {
            $0.add(TarWriter.Header("x", type: "x", size: 1 << 30))
        },
        Case("a long name of 1 GiB", "an extension that is too long") {
            $0.add(TarWriter.Header("L", type: "L", size: 1 << 30))
        },
        Case("an extension of nothing", "where a file's header should be") {
            $0.add(records: [("path", "x")])
        },
        Case("a lone block of zeroes", "a single block of zeroes") {
            $0.add("before")
            $0.add(data: [UInt8](repeating: 0, count: 512))
            $0.add("after")
        },
        Case("too many attributes", "too many extended attributes") { tar in
            tar.add(records: (0..<1100).map { ("SCHILY.xattr.user.\($0)", "v") })
            tar.add("x")
        },
    ]

    @Test(arguments: names + links + numbers + records + structure)
    func isRefused(_ bad: Case) throws {
        let failure = try #require(throws: Failure.self) { try RecordingSink.read(bad.archive) }
        #expect(failure.kind == .badInput)
        #expect(failure.what == "cannot read the layer test")
        #expect(failure.why.contains(bad.why), "\(failure)")
        #expect(failure.description.split(separator: "\n").count <= 2)
        #expect(!failure.description.contains("\u{1B}"))
    }

    @Test func aNumberThatIsNoneNamesItsFile() throws {
        var header = TarWriter.Header("some/file")
        header.userID = "12x4567\0"
        let failure = try #require(throws: Failure.self) {
            try RecordingSink.read(TarWriter.archive { $0.add(header) })
        }
        #expect(
            failure.why
                == "the header of \"some/file\" at byte 0 is damaged: its uid is not a number, or out of range"
        )
    }

    /// Cut anywhere, an archive is refused, but for where a header could follow, a file's data are complete
    /// (umoci 0.4 leaves the last one's padding out), or the end has begun.
    @Test(arguments: [512, 100]) func aTruncatedArchive(_ pieceByteCount: Int) throws {
        var tar = TarWriter()
        tar.add("a", [UInt8](repeating: 1, count: 700))
        let first = tar.bytes.count
        tar.add(records: [("path", "long/name"), ("SCHILY.xattr.user.a", "b")])
        tar.add(TarWriter.Header("././@LongLink", type: "K", size: 3), data: Array("to\0".utf8))
        tar.add(TarWriter.Header("link", type: "2"))
        let second = tar.bytes.count
        tar.add(records: [
            ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "9000"),
        ])
        tar.add(
            "sparse", Array("1\n8000\n9\n".utf8) + [UInt8](repeating: 0, count: 503) + Array("123456789".utf8)
        )
        let end = tar.bytes.count
        let padding = (first: 324, last: 503)
        let whole = Set((first - padding.first)...first).union((end - padding.last)...end)
            .union([second, end + 512, end + 1024])
        let archive = tar.archive
        for byteCount in 1...archive.count {
            let cut = Array(archive.prefix(byteCount))
            do throws(Failure) {
                _ = try RecordingSink.read(cut, pieceByteCount: pieceByteCount)
                #expect(whole.contains(byteCount), "cut after \(byteCount) bytes it is read")
            } catch {
                #expect(!whole.contains(byteCount), "\(error)")
                #expect(
                    error.why.hasPrefix("it is truncated: it ends "), "cut after \(byteCount) bytes: \(error)"
                )
            }
        }
    }

    /// Each byte of an archive changed: nothing worse than a failure comes of it.
    @Test func aDamagedArchive() throws {
        var tar = TarWriter()
        tar.add(records: [("GNU.sparse.size", "9000"), ("GNU.sparse.map", "0,3,8000,2"), ("mtime", "-1.5")])
        tar.add("sparse", Array("12345".utf8))
        let archive = tar.archive
        var refused = 0
        for index in archive.indices {
            for change: UInt8 in [1, 0x80, 0xFF] {
                var damaged = archive
                damaged[index] ^= change
                if (try? RecordingSink.read(damaged)) == nil { refused += 1 }
            }
        }
        // A checksum covers each byte of the two headers but the second half of its own field.
        #expect(refused >= 3 * 2 * 500)
    }
}

extension BadArchiveTests.Case {
    fileprivate init(_ name: String, _ why: String, type: Character, link: String) {
        self.init(name, why: why, type: type, link: link) { _ in }
    }
}
