import Host
import TestSupport
import Testing

@testable import EROFS
@testable import Layers

/// OCI image 1.1, layer.md, one rule after another.
@Suite("Rules of merging layers")
struct ErofsMergeRuleTests {
    /// The names of everything in the merged image, links with their target, directories with a `/`.
    private func merged(_ layers: [(inout TestLayer) -> Void]) throws -> [String] {
        let image = try TestImage(
            layers.map { fill in
                var layer = TestLayer()
                fill(&layer)
                return layer
            })
        return try image.reader().seen().map { path, file in
            switch FileType(mode: file.mode) {
            case .directory: path + "/"
            case .symbolicLink: path + " -> " + String(decoding: file.target ?? [], as: UTF8.self)
            case .regular: path + " " + (file.content.map { String($0.byteCount) } ?? "")
            default: path + " special"
            }
        }.sorted()
    }

    @Test("a white-out hides a file and a whole directory")
    func whiteouts() throws {
        let names = try merged([
            {
                $0.file("a/x", [1])
                $0.file("a/y", [1])
                $0.file("b/sub/deep", [1])
            },
            {
                $0.add("a/x", .whiteout)
                $0.add("b", .whiteout)
            },
        ])
        #expect(names == ["/", "/a/", "/a/y 1"])
    }

    @Test("a white-out hides lower layers only, wherever it stands in its layer")
    func ownFiles() throws {
        let names = try merged([
            { $0.file("a/old", [1]) },
            {
                $0.file("a/before", [1])
                $0.add("a", .whiteout)
                $0.file("a/behind", [1])
                $0.add("b", .whiteout)
                $0.file("b", [1, 2])
                $0.file("c", [1, 2, 3])
                $0.add("c", .whiteout)
            },
        ])
        #expect(names == ["/", "/a/", "/a/before 1", "/a/behind 1", "/b 2", "/c 3"])
    }

    @Test("an opaque directory hides its entries of lower layers and keeps its attributes")
    func opaque() throws {
        var (lower, upper) = (TestLayer(), TestLayer())
        lower.add("d", .directory) { $0.userID = 7 }
        lower.file("d/old", [1])
        upper.file("d/new", [1])
        upper.add("d", .opaque)
        let seen = try TestImage([lower, upper]).reader().seen()
        #expect(seen.keys.sorted() == ["", "/d", "/d/new"])
        #expect(seen["/d"]?.userID == 7)
    }

    @Test("a directory that is removed and made again has nothing of the old one")
    func recreated() throws {
        var (lower, upper) = (TestLayer(), TestLayer())
        lower.add("d", .directory) { $0.userID = 7 }
        lower.file("d/old", [1])
        upper.add("d", .opaque)
        upper.add("d", .whiteout)
        upper.file("d/new", [1])
        let seen = try TestImage([lower, upper]).reader().seen()
        #expect(seen.keys.sorted() == ["", "/d", "/d/new"])
        #expect(seen["/d"]?.userID == 0)
    }

    @Test("the attributes of a directory are those of the topmost layer that names it")
    func directoryAttributes() throws {
        var layers = [TestLayer(), TestLayer(), TestLayer()]
        layers[0].add("d", .directory) { $0.userID = 1 }
        layers[1].add("d", .directory) {
            $0.userID = 2
            $0.attributes = [ExtendedAttribute(name: Array("user.x".utf8), value: [1])]
        }
        layers[2].file("d/file", [])
        let seen = try TestImage(layers).reader().seen()
        #expect(seen["/d"]?.userID == 2)
        #expect(seen["/d"]?.attributes.count == 1)
    }

    @Test("files replace directories, and directories replace files")
    func replaced() throws {
        let names = try merged([
            {
                $0.file("a/x", [1])
                $0.file("b", [1])
                $0.add("c", .symbolicLink(target: Array("a".utf8)))
                $0.file("e", [1])
            },
            {
                $0.file("a", [1, 2])
                $0.add("b", .directory)
                $0.add("c", .directory)
                $0.file("e/below", [1])
            },
        ])
        #expect(names == ["/", "/a 2", "/b/", "/c/", "/e/", "/e/below 1"])
    }

    @Test("white-outs below a missing directory make nothing")
    func hollow() throws {
        let names = try merged([
            { $0.file("a", [1]) },
            {
                $0.add("no/such/file", .whiteout)
                $0.add("nor/this", .opaque)
                $0.add("a/below", .whiteout)
            },
        ])
        #expect(names == ["/", "/a 1"])
    }

    @Test("an opaque root hides everything")
    func opaqueRoot() throws {
        let names = try merged([
            { $0.file("a", [1]) }, { $0.file("b", [1]) },
            {
                $0.add("", .opaque)
                $0.file("c", [1])
            },
        ])
        #expect(names == ["/", "/c 1"])
    }

    @Test("within a layer the last entry of a path wins")
    func laterEntries() throws {
        let names = try merged([
            { $0.file("d/lower", [1]) },
            {
                $0.add("d", .directory)
                $0.file("d/inside", [1])
                $0.file("d", [1, 2, 3])
                $0.add("d", .directory)
                $0.file("f", [1])
                $0.file("f", [1, 2])
            },
        ])
        #expect(names == ["/", "/d/", "/f 2"])
    }

    @Test("a path follows links of its own layer and of lower ones, and never leaves the image")
    func links() throws {
        let names = try merged([
            {
                $0.add("usr/lib", .directory)
                $0.add("lib", .symbolicLink(target: Array("usr/lib".utf8)))
                $0.add("out", .symbolicLink(target: Array("../../../etc".utf8)))
                $0.add("made", .symbolicLink(target: Array("/new/place".utf8)))
            },
            {
                $0.file("lib/a", [1])
                $0.add("own", .symbolicLink(target: Array("/lib".utf8)))
                $0.file("own/b", [1])
                $0.file("out/passwd", [1])
                $0.file("made/c", [1])
            },
            { $0.add("lib/a", .whiteout) },
        ])
        #expect(
            names == [
                "/", "/etc/", "/etc/passwd 1", "/lib -> usr/lib", "/made -> /new/place", "/new/",
                "/new/place/",
                "/new/place/c 1", "/out -> ../../../etc", "/own -> /lib", "/usr/", "/usr/lib/",
                "/usr/lib/b 1",
            ])
    }

    @Test(
        "one directory may be reached by two paths: white-outs hide only lower layers, and a link finds its file"
    )
    func twoPaths() throws {
        let names = try merged([
            {
                $0.file("usr/lib/old", [1])
                $0.add("lib", .symbolicLink(target: Array("usr/lib".utf8)))
            },
            {
                $0.file("usr/lib/new", [1, 2])
                $0.file("lib/other", [1, 2, 3])
                $0.add("link", .hardLink(to: .test("usr/lib/other")))
                $0.add("lib", .opaque)
            },
        ])
        #expect(
            names == [
                "/", "/lib -> usr/lib", "/link 3", "/usr/", "/usr/lib/", "/usr/lib/new 2", "/usr/lib/other 3",
            ])
    }

    @Test("circular links are refused")
    func circle() throws {
        var layer = TestLayer()
        layer.add("a", .symbolicLink(target: Array("b".utf8)))
        layer.add("b", .symbolicLink(target: Array("a".utf8)))
        var upper = TestLayer()
        upper.file("a/x", [1])
        #expect(throws: Failure.self) { try TestImage([layer, upper]) }
        layer.items += upper.items
        #expect(throws: Failure.self) { try layer.write() }
    }
}
