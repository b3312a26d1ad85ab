import Foundation
import Host
import TestSupport
import Testing

@testable import EROFS
@testable import Layers

@Suite("Sizes of EROFS images")
struct ErofsSizeTests {
    @Test("a file of 10 GB of zeroes becomes a hole, whether it arrives as bytes or as a hole")
    func zeroes() throws {
        var layer = TestLayer()
        layer.file("hole", parts: [.hole(10_000_000_000)])
        let image = try layer.write()
        #expect(image.facts.blockCount < 32)
        let seen = try ErofsReader(files: [image.file.path]).seen()
        #expect(seen["/hole"]?.content?.byteCount == 10_000_000_000)

        var bytes = TestLayer()
        bytes.file("zeroes", Array(repeating: 0, count: 3_000_000))
        #expect(try bytes.write().facts.blockCount < 32)
    }

    static let sparseFiles: [String: [TestLayer.Part]] = [
        "a few bytes between holes": [.hole(5 << 30), .bytes([1, 2, 3]), .hole(1 << 30)],
        "data and a hole": [.bytes(Array(repeating: 3, count: 1 << 20)), .hole(1 << 32)],
        "two ends of a terabyte": [.bytes([1]), .hole(1 << 40), .bytes([2])],
        "a short end": [.hole(65536), .bytes(Array(repeating: 9, count: 65536)), .hole(65536), .bytes([1])],
        "data from the middle of a grain on": [
            .bytes(Array(repeating: 0, count: 70_000)), .bytes(Array(repeating: 1, count: 70_000)),
        ],
        "a hole in a block": [.hole(2049)],
        "the largest hole": [.hole(1 << 56)],
    ]

    @Test(
        "data and holes of any size survive",
        .mountsImages,
        arguments: sparseFiles.keys.sorted())
    func sparse(name: String) throws {
        var layer = TestLayer()
        layer.file("file", parts: try #require(Self.sparseFiles[name]))
        layer.file("behind", [4, 5])
        let image = try TestImage([layer])
        let expected = ModelTree([layer]).seen()
        #expect(try image.reader().seen() == expected)
        #expect(try image.layers[0].allocatedByteCount() < 4 << 20)
        #expect(try image.mounted() == expected)
    }

    @Test("a file may not have more than 64 PiB")
    func tooLarge() throws {
        var layer = TestLayer()
        layer.file("file", parts: [.hole(1 << 56 + 1)])
        #expect(throws: Failure.self) { try layer.write() }
    }

    @Test(
        "a sparse file takes space only for its data: 15 TiB with a few bytes fit into an image, with many they do not"
    )
    func laidOut() throws {
        var few = TestLayer()
        few.file("file", parts: [.bytes([1]), .hole(15 << 40), .bytes([2])])
        #expect(try few.write().facts.blockCount * 4096 < 4 << 30)
        var many = TestLayer()
        let part: [TestLayer.Part] = [.bytes([1]), .hole(1 << 30 - 1)]
        many.file("file", parts: (0..<15 << 10).flatMap { _ in part })
        let failure = #expect(throws: Failure.self) { try many.write() }
        #expect(failure?.kind == .badInput && failure?.why.contains("more than 1 TiB") == true)
    }

    @Test("layers that fit into an image each may be too large together")
    func laidOutTogether() throws {
        var layer = TestLayer()
        let part: [TestLayer.Part] = [.bytes([1]), .hole(1 << 26 - 1)]
        layer.file("file", parts: (0..<10 << 10).flatMap { _ in part })
        let file = try layer.write().file
        #expect(try TestImage(files: [file]).facts.inodeCount == 2)
        let failure = #expect(throws: Failure.self) { try TestImage(files: [file, file]) }
        #expect(failure?.kind == .badInput && failure?.why.contains("more than 1 TiB") == true)
    }

    @Test("a directory may have 200,000 small files, or names of 255 bytes in many blocks")
    func manyFiles() throws {
        var layer = TestLayer()
        for number in 0..<200_000 { layer.file("d/\(number)", [UInt8(truncatingIfNeeded: number)]) }
        let long = String(repeating: "x", count: 249)
        for number in 100_000..<100_500 { layer.file("long/\(long)\(number)", []) }
        let image = try TestImage([layer])
        #expect(image.facts.inodeCount == 200_503)
        // An inode and a byte behind it, in 96 bytes; an entry of 12 bytes and a name.
        #expect(image.facts.blockCount * 4096 < 200_000 * 125)
        let reader = try image.reader()
        #expect(try reader.contents(of: "/d/123456") == [UInt8(truncatingIfNeeded: 123456)])
        #expect(try reader.contents(of: "/long/\(long)100499") == [])
        #expect(try reader.contents(of: "/d/200000") == nil)
        #expect(try image.complaints() == nil)
    }

    @Test("60 layers are merged")
    func manyLayers() throws {
        let layers = (0..<60).map { number in
            var layer = TestLayer()
            layer.file("own/\(number)", Array(repeating: UInt8(number), count: 5000))
            layer.file("shared", [UInt8(number)])
            if number > 0 { layer.add("own/\(number - 1)", .whiteout) }
            return layer
        }
        let reader = try TestImage(layers).reader()
        #expect(try reader.seen().keys.sorted() == ["", "/own", "/own/59", "/shared"])
        #expect(try reader.contents(of: "own/59") == Array(repeating: 59, count: 5000))
        #expect(try reader.contents(of: "shared") == [59])
    }

    @Test("deep trees and names with any byte survive")
    func deepAndOdd() throws {
        var layer = TestLayer()
        layer.file(String(repeating: "d/", count: 5000) + "file", [1])
        var entry = LayerEntry(path: .root, kind: .fifo, permissions: 0)
        for byte in 1...255 as ClosedRange<UInt8> where byte != UInt8(ascii: "/") {
            entry.path = LayerPath(trusting: [
                Array("odd".utf8), [UInt8(ascii: "."), UInt8(ascii: "."), byte],
            ])
            layer.items.append(TestLayer.Item(entry: entry))
        }
        var count = 0
        try TestImage([layer]).reader().walk { (_, _) throws(Failure) in count += 1 }
        #expect(count == 1 + 5001 + 1 + 254)
    }

    @Test("the same layer gives the same bytes")
    func deterministic() throws {
        var random = RandomLayers(seed: 77)
        let layer = random.layer(itemCount: 500, isFirst: true)
        let (first, second) = (try TestImage([layer, layer]), try TestImage([layer, layer]))
        #expect(try first.layers[0].bytes() == second.layers[1].bytes())
        #expect(try first.index.bytes() == second.index.bytes())
    }
}
