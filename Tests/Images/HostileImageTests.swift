import Foundation
import Host
import Layers
import TestSupport
import Testing

@testable import Containers
@testable import EROFS
@testable import Images

@Suite("Images that lie are refused and leave nothing behind")
struct HostileImageTests {
    private let fixture: StoreFixture
    private let layout: TestLayout

    init() throws {
        fixture = try StoreFixture()
        layout = try fixture.layout()
    }

    /// Writes `text` where the blob lies.
    private func overwrite(_ blob: TestLayout.Blob, _ change: (inout [UInt8]) -> Void) throws {
        let url = URL(filePath: blob.file(in: layout.path))
        var bytes = [UInt8](try Data(contentsOf: url))
        change(&bytes)
        try Data(bytes).write(to: url)
    }

    private func parts(
        _ packing: TestLayout.Packing = .none
    ) throws -> (layer: TestLayout.Blob, configuration: TestLayout.Blob, manifest: TestLayout.Blob) {
        let layer = try layout.layer(StoreFixture.archive(), packing)
        let configuration = try layout.configuration([layer])
        let manifest = try layout.manifest(configuration, [layer], layerType: TestLayout.layerType(packing))
        try layout.index([manifest.descriptor(TestLayout.manifestType)])
        return (layer, configuration, manifest)
    }

    @Test("a blob with one wrong bit is refused", arguments: TestLayout.Packing.allCases)
    func flippedBits(_ packing: TestLayout.Packing) throws {
        let parts = try parts(packing)
        for blob in [parts.manifest, parts.configuration, parts.layer] {
            // In the middle, so that compressed layers unpack to something else or to nothing.
            try overwrite(blob) { $0[$0.count / 2] ^= 1 }
            try fixture.expectRefusal(layout.path, .badInput, layout.path)
            try overwrite(blob) { $0[$0.count / 2] ^= 1 }
        }
        try fixture.take(layout.path)
    }

    @Test("a sound layer other than the promised one is refused")
    func exchangedLayers() throws {
        let parts = try parts()
        try overwrite(parts.layer) { $0 = StoreFixture.archive("hello", "HELLO\n") }
        try fixture.expectRefusal(layout.path, .badInput, "layer", "damaged", "digest")
        // Here the blob is what the manifest says, but not what the configuration says.
        let other = try layout.layer(StoreFixture.archive("hello", "other\n"))
        let manifest = try layout.manifest(parts.configuration, [other])
        try layout.index([manifest.descriptor(TestLayout.manifestType)])
        try fixture.expectRefusal(layout.path, .badInput, "unpacked layer", "damaged", "digest")
    }

    @Test("a blob that is missing, or shorter or longer than promised, is refused")
    func sizes() throws {
        for part in 0..<3 {
            for change in [{ $0.removeLast() }, { $0.append(0x20) }] as [(inout [UInt8]) -> Void] {
                let parts = try parts(.gzip)
                try overwrite([parts.manifest, parts.configuration, parts.layer][part], change)
                try fixture.expectRefusal(layout.path, .badInput, "bytes")
            }
            let parts = try parts(.gzip)
            let blob = [parts.manifest, parts.configuration, parts.layer][part]
            try FileManager.default.removeItem(atPath: blob.file(in: layout.path))
            try fixture.expectRefusal(layout.path, .badInput, "incomplete", "missing")
        }
    }

    @Test(
        "a malformed index is refused",
        arguments: [
            "", "{", "[]", "{}", "null", #"{"manifests": 3}"#, #"{"manifests": [{}]}"#,
            #"{"manifests": [{"digest": "sha256:00", "size": 1}]}"#,
            #"{"manifests": [{"digest": "../../etc/passwd", "size": 1}]}"#,
            #"{"manifests": []}"#,
            #"{"manifests": [{"digest": "sha512:\#(String(repeating: "0", count: 128))", "size": 1}]}"#,
            #"{"manifests": [{"digest": "sha256:\#(String(repeating: "0", count: 64))", "size": -1}]}"#,
        ])
    func indexes(_ text: String) throws {
        try layout.write("index.json", text)
        try fixture.expectRefusal(layout.path, .badInput, layout.path)
    }

    @Test("a layout of another version, or with a text that is too long, is refused")
    func texts() throws {
        _ = try parts()
        try layout.write("oci-layout", #"{"imageLayoutVersion": "2.0.0"}"#)
        try fixture.expectRefusal(layout.path, .badInput, "2.0.0")
        try layout.write("oci-layout", #"{"imageLayoutVersion": "1.0.0"}"#)
        try layout.write("index.json", String(repeating: " ", count: 5 << 20))
        try fixture.expectRefusal(layout.path, .badInput, "larger")
    }

    @Test("indexes that lead to themselves or are nested too deeply are refused")
    func nesting() throws {
        var blob = try parts().manifest
        var type = TestLayout.manifestType
        for _ in 0..<6 {
            blob = try layout.blob(#"{"manifests": [\#(blob.descriptor(type))]}"#)
            type = TestLayout.indexType
        }
        try layout.index([blob.descriptor(type)])
        try fixture.expectRefusal(layout.path, .badInput, "nested")
    }

    @Test("a few indexes that lead to the same indexes again and again are refused")
    func manyIndexes() throws {
        var blob = try layout.blob(#"{"manifests": []}"#)
        for _ in 0..<2 {
            let entries = Array(repeating: blob.descriptor(TestLayout.indexType), count: 12)
            blob = try layout.blob(#"{"manifests": [\#(entries.joined(separator: ", "))]}"#)
        }
        try layout.index(Array(repeating: blob.descriptor(TestLayout.indexType), count: 12))
        try fixture.expectRefusal(layout.path, .badInput, "too many")
    }

    @Test("layers of an unknown kind are refused")
    func layerTypes() throws {
        let layer = try layout.layer(StoreFixture.archive())
        let configuration = try layout.configuration([layer])
        for (type, word) in [
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "foreign"),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar", "foreign"),
            ("application/vnd.oci.image.layer.v1.tar+lz4", "unknown type"),
            ("text/\u{1B}[31mplain", "text/?[31mplain"), ("", "unknown type"),
        ] {
            let manifest = try layout.manifest(
                configuration, [layer], layerType: type.replacing("\u{1B}", with: "\\u001b"))
            try layout.index([manifest.descriptor(TestLayout.manifestType)])
            try fixture.expectRefusal(layout.path, .badInput, word)
        }
    }

    @Test(
        "a manifest is refused if its layers differ from the configuration's, are too many, or are of an old kind"
    )
    func counts() throws {
        let layer = try layout.layer(StoreFixture.archive())
        let one = try layout.configuration([layer])
        for layers in [[], [layer, layer]] {
            try layout.index([try layout.manifest(one, layers).descriptor(TestLayout.manifestType)])
            try fixture.expectRefusal(layout.path, .badInput, "\(layers.count) layers", "1")
        }
        let many = Array(repeating: layer, count: 600)
        let manifest = try layout.manifest(try layout.configuration(many), many)
        try layout.index([manifest.descriptor(TestLayout.manifestType)])
        try fixture.expectRefusal(layout.path, .badInput, "600 layers")
        try layout.index([manifest.descriptor("application/vnd.docker.distribution.manifest.v1+prettyjws")])
        try fixture.expectRefusal(layout.path, .badInput, "schema 1")
        let artifact = try layout.blob(
            #"{"config": \#(one.descriptor("application/vnd.cncf.helm.config.v1+json")), "layers": []}"#)
        try layout.index([artifact.descriptor(TestLayout.manifestType)])
        try fixture.expectRefusal(layout.path, .badInput, "not a container image")
    }

    @Test(
        "a configuration with a zero byte in a text or a malformed value is refused",
        arguments: [
            #""Env": ["A=\u0000"]"#, #""Cmd": "sh""#, #""Cmd": [1]"#, #""User": 3"#, #""Volumes": ["/v"]"#,
            #""Entrypoint": {"a": "b"}"#,
        ])
    func configurations(_ config: String) throws {
        try layout.image([StoreFixture.archive()], config: config)
        try fixture.expectRefusal(layout.path, .badInput, "config.")
    }

    @Test("a configuration beyond the limits on arguments or mounts is refused")
    func configurationsBeyondLimits() throws {
        func list(_ count: Int, _ text: String) -> String {
            "[" + Array(repeating: "\"\(text)\"", count: count).joined(separator: ", ") + "]"
        }
        let long = String(repeating: "x", count: 131_072)
        let most = String(repeating: "x", count: 131_071)
        let volumes = { count in (0..<count).map { "\"/v\($0)\": {}" }.joined(separator: ", ") }
        for (config, word) in [
            ("\"Env\": \(list(200_000, "A="))", "2 MiB"), ("\"Cmd\": \(list(20, most))", "2 MiB"),
            ("\"Env\": \(list(10, most)), \"Entrypoint\": \(list(10, most))", "2 MiB"),
            ("\"Cmd\": \(list(1, long))", "128 KiB"), ("\"Volumes\": {\(volumes(1001))}", "1000 mounts"),
        ] {
            try layout.image([StoreFixture.archive()], config: config)
            try fixture.expectRefusal(layout.path, .badInput, layout.path, word)
        }
        let config = "\"Env\": \(list(8, most)), \"Cmd\": \(list(7, most)), \"Volumes\": {\(volumes(1000))}"
        try layout.image([StoreFixture.archive()], config: config)
        #expect(try fixture.take(layout.path).configuration.volumes.count == 1000)
    }

    @Test(
        "an archive with a path that leaves the image is refused",
        arguments: [
            ("../evil", "0", ""), ("a/../../evil", "0", ""), ("link", "1", "../../etc/passwd"),
            (".wh...", "0", ""),
        ])
    func traversal(_ name: String, _ type: String, _ link: String) throws {
        var tar = TarWriter()
        tar.member(name, type: Character(type), link: link)
        try layout.image([tar.finished()])
        try fixture.expectRefusal(layout.path, .badInput)
        #expect(!FileManager.default.fileExists(atPath: fixture.directory.path("evil")))
    }

    @Test(
        "control characters of names reach no message",
        arguments: ["a\u{1B}[2J", "a\nb", "a\u{85}b"])
    func escapes(_ name: String) throws {
        var loop = TarWriter()
        loop.member(name, type: "2", link: name)
        loop.file(name + "/file", "")
        var lost = TarWriter()
        lost.member("link", type: "1", link: "nowhere/" + name)
        var short = TarWriter()
        short.member(name, Array("text".utf8), byteCount: 1 << 20)
        for tar in [loop, lost, short] {
            try layout.image([tar.finished()])
            let failure = #expect(throws: Failure.self) { try fixture.take(layout.path) }
            let text = failure?.description ?? ""
            let controls = text.unicodeScalars.filter { $0.properties.generalCategory == .control }
            #expect(controls.allSatisfy { $0 == "\n" } && !text.contains(name), "\(text.debugDescription)")
        }
    }

    @Test("absolute names and links in an archive are only names")
    func absoluteNames() throws {
        let target = fixture.directory.path("outside")
        var tar = TarWriter()
        tar.file("/etc/absolute", "inside")
        tar.member("out", type: "2", link: target)
        tar.member("out/file", Array("inside".utf8))
        try layout.image([tar.finished()])
        let image = try fixture.take(layout.path)
        #expect(try ErofsReader(files: image.files).contents(of: "/etc/absolute") == Array("inside".utf8))
        #expect(!FileManager.default.fileExists(atPath: target))
    }

    @Test("an image with more files than the memory limit allows, in all layers together, is refused")
    func memory() throws {
        try layout.image([StoreFixture.archive("one"), StoreFixture.archive("two")])
        let image = try ImageSource.layout(path: layout.path, tag: nil).image(scratch: "/tmp")
        let store = try fixture.store().directory
        let memory = TreeMemory(byteCount: 1 << 20)
        let budget = ImportBudget(memory: memory)
        // Another layer that is made at the same time has it all.
        let file = try TemporaryFile()
        let descriptor = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
        var other: ErofsWriter? = try ErofsWriter(to: descriptor.rawValue, named: "other", budget: budget)
        while memory.freeByteCount > 0 {
            let path = try LayerPath(String(describing: memory.freeByteCount))
            try other?.add(LayerEntry(path: path, kind: .fifo, permissions: 0))
        }
        func add() throws {
            let importer = try ImageImport(store, session: ImportSession("test", budget: budget))
            _ = try importer.add(image)
        }
        let failure = #expect(throws: Failure.self) { try add() }
        #expect(failure?.kind == .badInput && failure?.why.contains("too many files") == true)
        #expect(fixture.content == [])
        other = nil
        try add()
        #expect(memory.freeByteCount == 1 << 20 && fixture.layerFiles.count == 2)
    }

    @Test("an image leaves nothing behind if only its last layer or its index is refused")
    func laterLayers() throws {
        let good = StoreFixture.archive("good")
        var lost = TarWriter()
        lost.member("link", type: "1", link: "nowhere")
        try layout.image([good, Array("no archive".utf8)])
        try fixture.expectRefusal(layout.path, .badInput)
        try layout.image([good, lost.finished()])
        try fixture.expectRefusal(layout.path, .badInput, "nowhere")
        // What another image has stays.
        try fixture.layout("other").image([good])
        try fixture.take(fixture.directory.path("other"))
        #expect(fixture.layerFiles.count == 1)
        try fixture.expectRefusal(layout.path, .badInput, "nowhere")
        #expect(fixture.layerFiles.count == 1 && fixture.leftovers.isEmpty)
    }

    @Test("a layer that two imports need is removed with the last one that fails")
    func claims() throws {
        let store = try fixture.store().directory
        let digest = SHA256.digest(of: Array("a layer".utf8))
        let layer = store.layer(digest.hexadecimal)
        try Files.create(layer, [1])
        let imports = [LayerClaims(store), LayerClaims(store)]
        for (index, claims) in imports.enumerated() {
            #expect(try claims.add(digest, as: store.staging + "/\(index)") == 1)
            #expect(try claims.add(digest, as: store.staging + "/\(index)") == 1)
        }
        imports[0].giveUp()
        #expect(FileStatus(of: layer) != nil)
        imports[0].giveUp()
        #expect(FileStatus(of: layer) != nil)
        imports[1].giveUp()
        #expect(FileStatus(of: layer) == nil && fixture.leftovers.isEmpty)
    }

    @Test(
        "an image that needs more than an import may use is refused, packed or not",
        arguments: TestLayout.Packing.allCases)
    func bombs(_ packing: TestLayout.Packing) throws {
        var tar = TarWriter()
        // One byte in each block, so that it is no hole.
        let block = [1] + [UInt8](repeating: 0, count: 4095)
        tar.member("bomb", Array(repeatElement(block, count: 1024).joined()))
        try layout.image([StoreFixture.archive(), tar.finished()], packing)
        func take(_ limit: UInt64) throws {
            var store = try fixture.store()
            store.limits.writtenByteCount = limit
            _ = try store.importImage(layout.path, progress: .silent)
        }
        let failure = #expect(throws: Failure.self) { try take(3 << 20) }
        #expect(failure?.kind == .badInput && failure?.description.contains("--max-import-size") == true)
        #expect(fixture.content == [] && fixture.leftovers.isEmpty)
        try take(6 << 20)
    }

    @Test("an invalid --max-import-size is refused", arguments: ["", "x", "0", "-1", "64X"])
    func limits(_ text: String) throws {
        let failure = #expect(throws: Failure.self) { try ImportLimits(maxImportSize: text) }
        #expect(failure?.kind == .usage && failure?.what.contains("--max-import-size") == true)
        #expect(try ImportLimits(maxImportSize: "1.5g").writtenByteCount == 3 << 29)
        #expect(try ImportLimits(maxImportSize: nil).writtenByteCount == 64 << 30)
    }

    @Test("a truncated archive, and a file that is not an archive, are refused")
    func archives() throws {
        var tar = TarWriter()
        tar.member("big", [UInt8](repeating: 7, count: 4096))
        for bytes in [
            Array(tar.bytes.prefix(1000)), Array("no archive".utf8), Array(repeating: 7, count: 2048),
        ] {
            try layout.image([bytes])
            try fixture.expectRefusal(layout.path, .badInput)
        }
    }
}
