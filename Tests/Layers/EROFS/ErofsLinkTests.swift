import EROFS
import Host
import Testing

@testable import Layers

@Suite("Hard links in EROFS layers")
struct ErofsLinkTests {
    @Test("the names of one file stay one file until a layer replaces one of them")
    func names() throws {
        var (lower, upper) = (TestLayer(), TestLayer())
        lower.file("a", [1, 2, 3])
        lower.add("b", .hardLink(to: .test("a")))
        lower.add("d/c", .hardLink(to: .test("b")))
        upper.file("b", [9])
        let seen = try TestImage([lower, upper]).reader().seen()
        #expect(seen["/a"]?.names == ["/a", "/d/c"])
        #expect(seen["/a"]?.linkCount == 2)
        #expect(seen["/b"]?.linkCount == 1)
    }

    /// Each of these links leads to the next one, by a path that only the layer below knows: of `count`
    /// links, in the order in which they come, one can be resolved in each pass.
    @Test(
        "links to links through detours are followed up to a depth limit",
        arguments: [(10, true), (1000, false)])
    func detours(_ count: Int, _ isWell: Bool) throws {
        var (lower, upper) = (TestLayer(), TestLayer())
        lower.add("d", .directory)
        lower.add("s", .symbolicLink(target: Array("d".utf8)))
        for number in 1000..<1000 + count {
            upper.add("d/\(number)", .hardLink(to: .test("s/\(number + 1)")))
        }
        upper.file("d/\(1000 + count)", [7])
        let image = Result { try TestImage([lower, upper]).reader().seen() }
        guard isWell else {
            let failure = #expect(throws: Failure.self) { try image.get() }
            #expect(failure?.why.contains("lead to each other") == true)
            return
        }
        #expect(try image.get()["/d/1000"]?.linkCount == UInt32(count + 1))
    }

    @Test("links to a hidden file are its only names")
    func hidden() throws {
        var layer = TestLayer()
        layer.file(".wh..wh.plnk/1.2", [1, 2, 3]) { $0.isHidden = true }
        layer.add("a", .hardLink(to: .test(".wh..wh.plnk/1.2")))
        layer.add("d/b", .hardLink(to: .test(".wh..wh.plnk/1.2")))
        for image in [try TestImage([layer]), try TestImage([TestLayer(), layer])] {
            let seen = try image.reader().seen()
            #expect(
                seen.keys.sorted() == ["", "/a", "/d"] || seen.keys.sorted() == ["", "/a", "/d", "/d/b"])
            #expect(seen["/a"]?.names == ["/a", "/d/b"] && seen["/a"]?.linkCount == 2)
            #expect(seen["/a"]?.content == SeenContent([1, 2, 3]))
        }
    }

    @Test("a link to a lower layer's file is another name of it")
    func lowerFile() throws {
        var layers = [TestLayer(), TestLayer(), TestLayer()]
        layers[0].file("usr/big", Array(repeating: 7, count: 10_000)) { $0.userID = 5 }
        layers[0].add("bin", .symbolicLink(target: Array("usr".utf8)))
        layers[1].add("link", .hardLink(to: .test("usr/big")))
        // It is replaced, but only for those who look for it later.
        layers[1].file("usr/big", [1])
        layers[2].add("again", .hardLink(to: .test("link")))
        layers[2].add("through", .hardLink(to: .test("bin/big")))
        let seen = try TestImage(layers).reader().seen()
        #expect(seen["/link"]?.content == SeenContent(Array(repeating: 7, count: 10_000)))
        #expect(seen["/link"]?.userID == 5)
        #expect(seen["/link"]?.names == ["/again", "/link"])
        #expect(seen["/usr/big"]?.names == ["/through", "/usr/big"])
        #expect(seen["/usr/big"]?.linkCount == 2)
        #expect(seen["/link"]?.attributes == [])
    }

    @Test("a link to a missing file is refused, and the failure names its target")
    func missing() throws {
        var layer = TestLayer()
        layer.add("link", .hardLink(to: .test("no/such")))
        let failure = #expect(throws: Failure.self) { try TestImage([TestLayer(), layer]) }
        #expect(failure?.description.contains("/no/such") == true)
    }

    @Test("a link to a directory is refused, and a link to itself changes nothing")
    func odd() throws {
        var layer = TestLayer()
        layer.file("a", [1])
        layer.add("a", .hardLink(to: .test("a")))
        #expect(try TestImage([layer]).reader().seen()["/a"]?.linkCount == 1)
        layer.add("d", .directory)
        layer.add("link", .hardLink(to: .test("d")))
        #expect(throws: Failure.self) { try layer.write() }
    }

    @Test("a file may have 70,000 names")
    func many() throws {
        var layer = TestLayer()
        layer.file("d/first", [1, 2, 3])
        for number in 1..<70_000 { layer.add("d/\(number)", .hardLink(to: .test("d/first"))) }
        let image = try TestImage([layer])
        var count = 0
        try image.reader().walk { (entry, _) throws(Failure) in
            if entry.mode & 0o170000 == 0o100000 {
                count += entry.linkCount == 70_000 ? 1 : 0
            }
        }
        #expect(count == 70_000)
        #expect(image.facts.inodeCount == 3)
    }
}
