import Host
import TestSupport
import Testing

@testable import EROFS
@testable import Layers

@Suite("Names in EROFS layers")
struct ErofsNameTests {
    @Test("a name that no directory can have is refused, whatever its source")
    func names() throws {
        for target in [String(repeating: "X", count: 256), "ok/" + String(repeating: "X", count: 4000)] {
            var (lower, upper) = (TestLayer(), TestLayer())
            lower.add("a", .symbolicLink(target: Array(target.utf8)))
            upper.file("a/f", [1])
            let failure = #expect(throws: Failure.self) { try TestImage([lower, upper]) }
            #expect(failure?.kind == .badInput && failure?.why.contains("255 bytes") == true)
            lower.items += upper.items
            #expect(throws: Failure.self) { try lower.write() }
        }
        // What a directory of the host may have: file systems of other systems count characters.
        let long = String(repeating: "n", count: 256)
        for kind in [
            LayerEntry.Kind.file(byteCount: 0), .fifo, .directory, .symbolicLink(target: [65]), .whiteout,
            .hardLink(to: .test("file")),
        ] {
            var layer = TestLayer()
            layer.file("file", [])
            layer.add(long, kind)
            #expect(throws: Failure.self) { try layer.write() }
        }
    }

    @Test(
        "a tree refuses an invalid name",
        arguments: ["", ".", "..", "a/b", "/", "a\0", String(repeating: "n", count: 256)])
    func noNames(_ name: String) throws {
        var tree = FileTree(rootInode: 0, layer: 0)
        #expect(throws: Damage.self) {
            _ = try tree.insert(Array(name.utf8), in: FileTree.root, .fifo, inode: 0)
        }
        #expect(tree.nodes.count == 1)
        _ = try tree.insert(
            Array(repeating: UInt8(ascii: "."), count: 255), in: FileTree.root, .fifo, inode: 0)
    }
}
