import Foundation
import Host
import Layers
import TestSupport
import Testing

@testable import Containers
@testable import EROFS
@testable import Images

@Suite("The choice of an image in a layout or an archive")
struct ImageChoiceTests {
    private let fixture: StoreFixture
    private let layout: TestLayout

    init() throws {
        fixture = try StoreFixture()
        layout = try fixture.layout()
    }

    /// The manifest of an image whose one file says `text`.
    private func manifest(
        _ text: String, configurationType: String = TestLayout.configurationType, platform: String = ""
    ) throws -> TestLayout.Blob {
        let layer = try layout.layer(StoreFixture.archive("text", text))
        let configuration = try layout.configuration([layer], more: platform)
        let layers = layer.descriptor(TestLayout.layerType(.none))
        return try layout.blob(
            """
            {"schemaVersion": 2, "config": \(configuration.descriptor(configurationType)), "layers": [\(layers)]}
            """)
    }

    private func entry(
        _ blob: TestLayout.Blob, _ name: String? = nil, tag: String? = nil, platform: String? = nil,
        type: String = TestLayout.manifestType
    ) -> String {
        let notes = [
            name.map { "\"io.containerd.image.name\": \"\($0)\"" },
            tag.map { "\"org.opencontainers.image.ref.name\": \"\($0)\"" },
        ].compactMap(\.self).joined(separator: ", ")
        return blob.descriptor(
            type,
            ", \"annotations\": {\(notes)}" + (platform.map { ", \"platform\": {\($0)}" } ?? ""))
    }

    /// The content of an image's one file.
    private func text(_ image: Image) throws -> String {
        String(decoding: try ErofsReader(files: image.files).contents(of: "/text") ?? [], as: UTF8.self)
    }

    private func expect(_ name: String, _ wanted: String, at location: SourceLocation = #_sourceLocation)
        throws
    {
        #expect(try text(fixture.take(layout.path + name)) == wanted, "\(name)", sourceLocation: location)
    }

    private static let amd64 = #""os": "linux", "architecture": "amd64""#

    @Test("a name chooses the image that docker would choose, and several images need a name")
    func names() throws {
        let (a, b) = (try manifest("a"), try manifest("b"))
        try layout.index([
            entry(a, "docker.io/library/a:latest", tag: "latest"),
            entry(b, "docker.io/library/b:latest", tag: "latest"),
        ])
        for form in [":b", ":b:latest", ":docker.io/library/b", ":docker.io/library/b:latest"] {
            try expect(form, "b")
        }
        try expect(":a", "a")
        let digest = b.digest.prefix(19)
        try expect(":\(digest)", "b")
        try expect(":@\(b.digest)", "b")
        let both = ["docker.io/library/a:latest, docker.io/library/b:latest", "several images"]
        try fixture.expectRefusal(layout.path, .badInput, both[0], both[1], "\(layout.path):NAME")
        try fixture.expectRefusal(layout.path + ":latest", .badInput, both[0], both[1])
        try fixture.expectRefusal(layout.path + ":c", .missingInput, "called c", both[0])
        // That one of them is for another machine makes the other no more meant.
        try layout.index([
            entry(a, "docker.io/library/a:latest", platform: #""os": "linux", "architecture": "arm64""#),
            entry(b, "docker.io/library/b:latest", platform: Self.amd64),
        ])
        try fixture.expectRefusal(layout.path, .badInput, both[0], both[1])
        try fixture.expectRefusal(layout.path + ":a", .badInput, "linux/arm64")
        try expect(":b", "b")
    }

    @Test("entries with one digest are one image, which gets all of their names")
    func manyNames() throws {
        let a = try manifest("a")
        try layout.index([
            entry(a, "docker.io/team/a:1", tag: "1"), entry(a, "docker.io/team/a:2", tag: "2"), entry(a),
            entry(a, tag: "example.org/b"),
        ])
        try expect("", "a")
        try expect(":team/a:2", "a")
        let names = try fixture.store().list().map(\.name)
        #expect(
            names.filter { !$0.hasPrefix("oci:") } == [
                "docker.io/team/a:1", "docker.io/team/a:2", "example.org/b:latest",
            ])
    }

    @Test("an entry without a name counts, unless the index of a named entry leads to it")
    func nameless() throws {
        let (a, b) = (try manifest("a"), try manifest("b"))
        try layout.index([entry(a), entry(b, tag: "b")])
        try fixture.expectRefusal(layout.path, .badInput, "several images", "@" + a.digest.prefix(19), "b")
        try expect(":@" + a.digest.prefix(19), "a")
        try layout.index([entry(a), entry(b)])
        try fixture.expectRefusal(layout.path, .badInput, "several images", "@" + a.digest.prefix(19))
        // skopeo copy --all
        let index = try layout.blob(
            #"{"manifests": [\#(entry(a, platform: Self.amd64)), \#(entry(b, platform: #""os": "linux", "architecture": "s390x""#))]}"#
        )
        try layout.index([entry(a), entry(b), entry(index, tag: "all", type: TestLayout.indexType)])
        try expect("", "a")
        // One name for several platforms is one image, for one platform several.
        try layout.index([
            entry(a, tag: "x", platform: #""os": "linux", "architecture": "arm64""#), entry(b, tag: "x"),
        ])
        try expect("", "b")
        try layout.index([entry(a, tag: "x"), entry(b, tag: "x")])
        try fixture.expectRefusal(layout.path + ":x", .badInput, "several images")
    }

    /// Whatever is stored beside images: its manifest, and what else the entry says of it.
    private func artifacts() throws -> [(TestLayout.Blob, String)] {
        let empty = try layout.blob("{}")
        let emptyType = "application/vnd.oci.empty.v1+json"
        let unknown = try layout.blob(
            #"{"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {"diff_ids": ["\#(empty.digest)"]}}"#
        ).descriptor(TestLayout.configurationType)
        let helm = empty.descriptor("application/vnd.cncf.helm.config.v1+json")
        let ours = try layout.configuration([]).descriptor(TestLayout.configurationType)
        let statement = empty.descriptor("application/vnd.in-toto+json")
        let signature = empty.descriptor("application/vnd.dev.cosign.simplesigning.v1+json")
        let texts = [
            #"{"config": \#(unknown), "layers": [\#(statement)]}"#,
            #"{"config": \#(unknown), "layers": []}"#,
            #"{"config": \#(ours), "layers": [\#(signature)]}"#,
            #"{"artifactType": "a/b", "config": \#(empty.descriptor(emptyType)), "layers": [\#(empty.descriptor(emptyType))]}"#,
            #"{"layers": [\#(empty.descriptor(emptyType))]}"#,
            #"{"config": \#(helm), "layers": []}"#,
        ]
        var found = try texts.map { (try layout.blob($0), "") }
        found.append((found[0].0, #", "platform": {"os": "unknown", "architecture": "unknown"}"#))
        found.append(
            (found[0].0, #", "annotations": {"vnd.docker.reference.type": "attestation-manifest"}"#))
        // Signed, and left out of the archive.
        found.append(
            (TestLayout.Blob(digest: "sha256:" + String(repeating: "0", count: 64), byteCount: 9), ""))
        return found
    }

    @Test("artifacts are ignored, both in an index and beside images")
    func artifactsInIndexes() throws {
        let image = entry(try manifest("a"), platform: Self.amd64)
        for (artifact, more) in try artifacts() {
            let other = artifact.descriptor(TestLayout.manifestType, more)
            for entries in [[other, image], [image, other], [other, image, other]] {
                try layout.index(entries)
                try expect("", "a")
                let index = try layout.blob(#"{"manifests": [\#(entries.joined(separator: ", "))]}"#)
                try layout.index([index.descriptor(TestLayout.indexType)])
                try expect("", "a")
                // With a name of its own an artifact is still no image.
                try layout.index([
                    entry(artifact, "docker.io/x/signature:1"), entry(try manifest("a"), "docker.io/x/a:1"),
                ])
                try expect("", "a")
            }
            try layout.index([other])
            try fixture.expectRefusal(layout.path, .badInput)
        }
    }

    @Test(
        "the best variant that the CPU runs is chosen, wherever it stands",
        arguments: [(1, "v1"), (2, "v2"), (3, "v2"), (4, "v4")]
    )
    func variants(level: Int, wanted: String) throws {
        let all = ["v4", "v1", "v2", "v9", ""].map { variant in
            (variant, variant.isEmpty ? Self.amd64 : Self.amd64 + #", "variant": "\#(variant)""#)
        }
        let entries = try all.map { entry(try manifest($0.0), platform: $0.1) }
        let needy = entry(
            try manifest("needy"), platform: Self.amd64 + #", "variant": "v4", "os.features": ["erofs"]"#)
        let windows = entry(
            try manifest("windows"), platform: #""os": "windows", "architecture": "amd64", "variant": "v4""#)
        for entries in [entries + [needy, windows], [windows, needy] + entries.reversed()] {
            let index = try layout.blob(#"{"manifests": [\#(entries.joined(separator: ", "))]}"#)
            for lists in [entries, [index.descriptor(TestLayout.indexType)]] {
                try layout.index(
                    lists.filter { lists.count == 1 || !$0.contains(#""architecture": "amd64"}"#) })
                var source = LayoutSource(SourceFiles(directory: layout.path), level: level)
                let image = try source.image(name: nil)
                let configuration = try manifestConfiguration(wanted)
                let plain = try manifestConfiguration("")
                let isTaken = image.identifier == configuration || level == 1 && image.identifier == plain
                #expect(isTaken, "level \(level) of \(lists.count)")
            }
        }
        // A configuration alone may say it too.
        try layout.index([
            entry(try manifest("v4", platform: #", "variant": "v4""#)),
            entry(try manifest("v2", platform: #", "variant": "v2""#)), entry(try manifest("v1")),
        ])
        var source = LayoutSource(SourceFiles(directory: layout.path), level: level)
        let layer = SHA256.digest(of: StoreFixture.archive("text", wanted))
        #expect(try source.image(name: nil).layers.first?.contentDigest == layer)
        #expect((1...4).contains(Platform.hostLevel))
    }

    /// The identifier of the image that `manifest` makes.
    private func manifestConfiguration(_ text: String) throws -> String {
        let layer = try layout.layer(StoreFixture.archive("text", text))
        return String(try layout.configuration([layer]).digest.dropFirst(7))
    }

    @Test("an image whose configuration has the media type of Docker 1.10 is accepted")
    func octetStream() throws {
        for type in ["application/octet-stream", "application/json", "text/html", ""] {
            let blob = try manifest("a" + type, configurationType: type)
            for manifestType in [
                TestLayout.manifestType, "application/vnd.docker.distribution.manifest.v2+json",
            ] {
                try layout.index([entry(blob, type: manifestType)])
                try expect("", "a" + type)
            }
        }
    }

    @Test("each entry belongs to one image, and its title selects that image")
    func grouping() throws {
        var random = SplitMix64(seed: 9)
        let names = [nil, nil, "a", "a:latest", "docker.io/library/a:latest", "b", "x/b:1", "Not/A name:"]
        for _ in 0..<500 {
            let entries = (0..<Int.random(in: 0...8, using: &random)).map { _ in
                let digit = "abcd".randomElement(using: &random).map(String.init) ?? ""
                let blob = TestLayout.Blob(
                    digest: "sha256:" + String(repeating: digit, count: 64), byteCount: 1)
                return entry(
                    blob, names.randomElement(using: &random) ?? nil,
                    tag: names.randomElement(using: &random) ?? nil)
            }
            let text = #"{"manifests": [\#(entries.joined(separator: ", "))]}"#
            let document = JSONDocument(complaint: "", subject: "")
            let index = try LayoutIndex(try document.root(Array(text.utf8)))
            let groups = LayoutIndex.groups(index.entries)
            #expect(groups.reduce(0) { $0 + $1.entries.count } == entries.count)
            for (number, group) in groups.enumerated() {
                let found = index.entries(called: group.title)
                #expect(found.contains { group.digests.contains($0.digest) }, "\(text)")
                for other in groups[(number + 1)...] {
                    #expect(group.names.isDisjoint(with: other.names), "\(text)")
                    #expect(group.digests.isDisjoint(with: other.digests), "\(text)")
                }
            }
        }
    }

    @Test("the same rules hold for a Docker archive")
    func dockerArchives() throws {
        func write(_ entries: [(text: String, tags: String)]) throws -> String {
            var tar = TarWriter()
            var manifests: [String] = []
            for (text, tags) in entries {
                let layer = StoreFixture.archive("text", text)
                let digest = SHA256.digest(of: layer)
                let config =
                    #"{"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["\#(digest)"]}}"#
                let name = SHA256.digest(of: Array(config.utf8)).hexadecimal + ".json"
                tar.member(text + ".tar", layer)
                tar.file(name, config)
                manifests.append(#"{"Config": "\#(name)", "RepoTags": \#(tags), "Layers": ["\#(text).tar"]}"#)
            }
            tar.file("manifest.json", "[\(manifests.joined(separator: ", "))]")
            let path = fixture.directory.path("docker.tar")
            try Data(tar.finished()).write(to: URL(filePath: path))
            return path
        }
        let path = try write([("a", #"["a:latest"]"#), ("b", #"["b:latest", "team/b:2"]"#), ("c", "null")])
        try fixture.expectRefusal(path, .badInput, "several images", "a:latest, b:latest")
        for name in ["b", "b:latest", "docker.io/library/b", "docker.io/team/b:2"] {
            #expect(try text(fixture.take("\(path):\(name)")) == "b", "\(name)")
        }
        let failure = #expect(throws: Failure.self) { try fixture.take(path + ":d") }
        let digest = try #require(failure?.cure?.firstMatch(of: /@sha256:[0-9a-f]{12}/)).output
        #expect(try text(fixture.take("\(path):\(digest)")) == "c")
        let once = try write([("a", #"["a:1"]"#), ("a", #"["a:2"]"#), ("a", "null")])
        #expect(try text(fixture.take("docker-archive:" + once)) == "a")
        #expect(
            try fixture.store().list().map(\.name).filter { $0.hasPrefix("docker.io/library/a:") }.count == 2)
    }
}
