import Host
import TestSupport
import Testing

@testable import EROFS
@testable import Layers

/// Small layers whose links would make much work or much data.
@Suite("Links that cost much work")
struct ErofsAmplificationTests {
    /// Links from `l1` to `lCOUNT`, each to the next one and over many names below that.
    private func chain(_ count: Int, over names: String, into layer: inout TestLayer) {
        for number in 1...count {
            let next = number < count ? "l\(number + 1)/" : ""
            layer.add("l\(number)", .symbolicLink(target: Array((next + names).utf8)))
        }
    }

    @Test("a hard link through symbolic links must have a valid path")
    func redirects() throws {
        var layer = TestLayer()
        chain(
            15, over: Array(repeating: String(repeating: "A", count: 100), count: 39).joined(separator: "/"),
            into: &layer)
        layer.add("h", .hardLink(to: .test("l1/x")))
        let failure = #expect(throws: Failure.self) { try layer.write() }
        #expect(failure?.why.contains("4,095 bytes") == true)
        #expect((failure?.description.count ?? .max) < 400)
        // The longest that there is, and one byte more.
        for (byteCount, isWell) in [(4095, true), (4096, false)] {
            var (lower, upper) = (TestLayer(), TestLayer())
            let directories = String(repeating: "/dd", count: (byteCount - 2) / 3)
            let name = String(repeating: "f", count: byteCount - directories.utf8.count - 1)
            lower.file(directories + "/" + name, [7])
            upper.add("l", .symbolicLink(target: Array(directories.utf8.prefix(4095))))
            upper.add("h", .hardLink(to: .test("l/" + name)))
            let image = Result { try TestImage([lower, upper]).reader().seen() }
            #expect((try? image.get()["/h"]?.content) == (isWell ? SeenContent([7]) : nil))
        }
    }

    @Test("a message quotes only a short piece of a stranger's path")
    func messages() throws {
        var (lower, upper) = (TestLayer(), TestLayer())
        lower.file("a", [])
        upper.add("h", .hardLink(to: .test(String(repeating: "n/", count: 2000))))
        let lost = #expect(throws: Failure.self) { try TestImage([lower, upper]) }
        upper.items = []
        upper.file(String(repeating: "n/", count: 2000) + "x", []) {
            $0.attributes = [
                ExtendedAttribute(name: Array("user.x".utf8), value: Array(repeating: 1, count: 1 << 17))
            ]
        }
        let refused = #expect(throws: Failure.self) { try upper.write() }
        for failure in [lost, refused] {
            let text = try #require(failure)
            #expect(text.description.count { $0 == "n" } <= 200 && text.description.count < 500, "\(text)")
            #expect(text.what.count + text.why.count < 500)
        }
    }

    @Test("many files behind links with thousands of names are refused")
    func work() throws {
        var (lower, upper) = (TestLayer(), TestLayer())
        chain(30, over: String(repeating: "A/", count: 2000), into: &lower)
        lower.file("l1/f", [])
        let sound = lower
        for number in 0..<100 {
            lower.file("l1/\(number)", [])
            upper.add("h\(number)", .hardLink(to: .test("l1/f")))
        }
        let inLayer = #expect(throws: Failure.self) { try lower.write() }
        #expect(inLayer?.why.contains("too many symbolic links") == true)
        // These are sound by themselves.
        let inMerge = #expect(throws: Failure.self) { try TestImage([sound, upper]) }
        #expect(inMerge?.why.contains("too many symbolic links") == true)
    }

    @Test("links as real images have them cost nothing noticeable")
    func honest() throws {
        var (lower, upper) = (TestLayer(), TestLayer())
        lower.add("lib", .symbolicLink(target: Array("usr/lib".utf8)))
        lower.add("usr/lib/x86_64", .symbolicLink(target: Array("/usr/lib/multi/arch/x86_64-linux-gnu".utf8)))
        for number in 0..<3000 {
            lower.file("lib/x86_64/\(number)", [])
            upper.add("lib/x86_64/link-\(number)", .hardLink(to: .test("lib/x86_64/\(number)")))
        }
        let seen = try TestImage([lower, upper]).reader().seen()
        #expect(seen["/usr/lib/multi/arch/x86_64-linux-gnu/2999"]?.linkCount == 2)
    }

    @Test("the memory that a merge needs for links is charged to the import")
    func memory() throws {
        var (lower, upper) = (TestLayer(), TestLayer())
        lower.file("other", [])
        let path = String(repeating: "d/", count: 1000)
        for number in 0..<1000 { upper.add("\(number)", .hardLink(to: .test(path + "\(number)"))) }
        let files = [try lower.write().file, try upper.write().file]
        let index = try TemporaryFile()
        let descriptor = try OwnedDescriptor(opening: index.path, for: .readingAndWriting)
        let memory = TreeMemory(byteCount: 1 << 20)
        let failure = #expect(throws: Failure.self) {
            try ImageIndex.write(
                layers: files.map(\.path), to: descriptor.rawValue, named: "the index",
                budget: ImportBudget(memory: memory))
        }
        #expect(failure?.why.contains("too many files") == true)
        #expect(memory.freeByteCount == 1 << 20)
    }

    /// One inode with many attributes and many names.
    @Test("the attributes of a file with many names are read once")
    func attributes() throws {
        var (lower, upper) = (TestLayer(), TestLayer())
        lower.file("old", [1])
        upper.add("link", .hardLink(to: .test("old")))
        upper.file("a", []) {
            $0.attributes = (0..<4).map {
                ExtendedAttribute(name: Array("user.\($0)".utf8), value: Array(repeating: 1, count: 60_000))
            }
        }
        for number in 0..<200 { upper.add("\(number)", .hardLink(to: .test("a"))) }
        let seen = try TestImage([lower, upper]).reader().seen()
        #expect(seen["/a"]?.linkCount == 201 && seen["/old"]?.linkCount == 2)
    }
}
