import Foundation
import Host
import TestSupport
import Testing

@testable import Containers
@testable import EROFS
@testable import Images

@Suite("Imports of images")
struct ImportTests {
    @Test("a layout is imported, with any compression of its layers", arguments: TestLayout.Packing.allCases)
    func layouts(packing: TestLayout.Packing) throws {
        let fixture = try StoreFixture()
        var upper = TarWriter()
        upper.file("etc/name", "upper\n")
        upper.file(".wh.hello", "")
        let identifier = try fixture.layout().image([StoreFixture.archive(), upper.finished()], packing)
        let image = try fixture.take(fixture.directory.path("layout"))
        #expect(image.identifier == identifier)
        #expect(image.files.count == 3)
        let reader = try ErofsReader(files: image.files)
        #expect(try reader.contents(of: "/etc/name") == Array("upper\n".utf8))
        #expect(try reader.contents(of: "/hello") == nil)
        #expect(fixture.leftovers.isEmpty)
        let config = try String(
            contentsOfFile: fixture.storePath + "/images/\(identifier)/config.json", encoding: .utf8)
        #expect(config.contains("diff_ids"))
    }

    @Test("an import keeps all settings of the configuration")
    func configuration() throws {
        let fixture = try StoreFixture()
        try fixture.layout().image(
            [StoreFixture.archive()],
            config: #"""
                "Entrypoint": ["/bin/é", "-c"], "Cmd": ["a b", ""], "Env": ["PATH=/bin", "X=1=2"], "WorkingDir": "/w",
                "User": "app:33", "StopSignal": "SIGINT", "Volumes": {"/v": {}, "/a": {}},
                "ExposedPorts": {"80/tcp": {}}, "Labels": {"x": "y"}
                """#)
        let image = try fixture.take(fixture.directory.path("layout"))
        var wanted = ImageConfiguration()
        wanted.entrypoint = ["/bin/é", "-c"]
        wanted.command = ["a b", ""]
        wanted.environment = ["PATH=/bin", "X=1=2"]
        wanted.workingDirectory = "/w"
        wanted.user = "app:33"
        wanted.stopSignal = "SIGINT"
        wanted.volumes = ["/a", "/v"]
        wanted.exposedPorts = ["80/tcp"]
        #expect(image.configuration == wanted)
        #expect(try fixture.find(fixture.directory.path("layout")) == image)
    }

    @Test("archives of skopeo are imported, compressed by gzip or not")
    func archives() throws {
        let fixture = try StoreFixture()
        let identifier = try fixture.layout().image(
            [StoreFixture.archive(), StoreFixture.archive("b")], .gzip, tag: "one")
        let layout = fixture.directory.path("layout")
        for (kind, tag) in [("oci-archive", "some"), ("docker-archive", "team/tool:1")] {
            let file = fixture.directory.path(kind + ".tar")
            #expect(
                try ProgramRun(["skopeo", "copy", "-q", "oci:\(layout):one", "\(kind):\(file):\(tag)"]).status
                    == 0)
            for name in [file, "\(kind):\(file)", "\(file):\(tag)", "\(kind):\(file):\(tag)"] {
                let image = try fixture.take(name)
                #expect(image.files.count == 3)
                let reader = try ErofsReader(files: image.files)
                #expect(try reader.contents(of: "/hello") == Array("hello\n".utf8), "\(name)")
                #expect(image.identifier == identifier || kind == "docker-archive", "\(name)")
            }
            #expect(try ProgramRun(["gzip", "-k", file]).status == 0)
            _ = try fixture.take(file + ".gz")
            try fixture.expectRefusal("\(file):other", .missingInput, "other")
        }
        #expect(try fixture.find("team/tool:1").files.count == 3)
        #expect(fixture.layerFiles.count == 2, "the same layers, however they came")
    }

    @Test("a root file system is imported, the second time without a conversion")
    func directories() throws {
        let fixture = try StoreFixture()
        let root = fixture.directory.path("root")
        try FileManager.default.createDirectory(atPath: root + "/bin", withIntermediateDirectories: true)
        try Data("one".utf8).write(to: URL(filePath: root + "/bin/tool"))
        let first = try fixture.find(root)
        #expect(try ErofsReader(files: first.files).contents(of: "/bin/tool") == Array("one".utf8))
        let state = try fixture.stamps()
        #expect(try fixture.find("rootfs:" + root) == first)
        #expect(try fixture.stamps() == state, "nothing was written")
        try Data("two".utf8).write(to: URL(filePath: root + "/bin/tool"))
        let second = try fixture.find(root)
        #expect(second.identifier != first.identifier)
        #expect(try ErofsReader(files: second.files).contents(of: "/bin/tool") == Array("two".utf8))
    }

    @Test("a bundle is imported with the settings of its process")
    func bundles() throws {
        let fixture = try StoreFixture()
        let bundle = fixture.directory.path("bundle")
        try FileManager.default.createDirectory(
            atPath: bundle + "/rootfs/bin", withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(filePath: bundle + "/rootfs/bin/x"))
        #expect(try ProgramRun(["sh", "-c", "cd \(bundle) && rm -f config.json && runc spec"]).status == 0)
        let image = try fixture.find(bundle)
        let configuration = try #require(image.bundle)
        #expect(configuration.arguments == ["sh"])
        #expect(configuration.isTerminal && configuration.isRootReadOnly && configuration.noNewPrivileges)
        #expect(configuration.workingDirectory == "/" && configuration.hostname == "runc")
        #expect(
            configuration.capabilities?.bounding == ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"])
        #expect(configuration.limits == [.init(type: "RLIMIT_NOFILE", soft: 1024, hard: 1024)])
        #expect(configuration.mounts.first == .init(destination: "/proc", type: "proc", source: "proc"))
        #expect(configuration.maskedPaths.contains("/proc/kcore"))
        #expect(configuration.readOnlyPaths.contains("/proc/sys"))
        #expect(image.configuration.command == ["sh"] && image.configuration.user == "0:0")
        #expect(try ErofsReader(files: image.files).contents(of: "/bin/x") == Array("x".utf8))
        // It stays one under a name, without its directory.
        let before = try fixture.stamps()
        #expect(try fixture.find(bundle) == image && fixture.stamps() == before)
        #expect(try fixture.take(bundle, called: "tool:1") == image)
        try FileManager.default.moveItem(atPath: bundle, toPath: bundle + ".away")
        #expect(
            try fixture.find("tool:1") == image && fixture.find(String(image.identifier.prefix(12))) == image)
        #expect(
            try fixture.store().list().map(\.name) == [
                "bundle:" + Files.resolved(fixture.directory.path) + "/bundle", "docker.io/library/tool:1",
            ])
        try Data("{}".utf8).write(
            to: URL(filePath: fixture.storePath + "/images/\(image.identifier)/config.json"))
        #expect(throws: Failure.self) { try fixture.find("tool:1") }
    }

    @Test("an image may have one layer twice, or no layer")
    func repeatedLayers() throws {
        let fixture = try StoreFixture()
        var away = TarWriter()
        away.file(".wh.hello", "")
        let (hello, gone) = (StoreFixture.archive(), away.finished())
        try fixture.layout("twice").image([hello, gone, hello])
        let image = try fixture.take(fixture.directory.path("twice"))
        #expect(try ErofsReader(files: image.files).contents(of: "/hello") != nil)
        #expect(fixture.layerFiles.count == 2)
        try fixture.layout("none").image([])
        #expect(try fixture.take(fixture.directory.path("none")).files.count == 1)
    }

    @Test("the image for this platform is found in an index within an index")
    func platforms() throws {
        let fixture = try StoreFixture()
        let layout = try fixture.layout()
        func manifest(_ architecture: String) throws -> TestLayout.Blob {
            let layer = try layout.layer(StoreFixture.archive("arch", architecture))
            return try layout.manifest(try layout.configuration([layer], architecture: architecture), [layer])
        }
        func entry(_ architecture: String, variant: String = "") throws -> String {
            let platform = """
                , "platform": {"os": "linux", "architecture": "\(architecture)"\(variant)}
                """
            return try manifest(architecture).descriptor(TestLayout.manifestType, platform)
        }
        let attestation = try layout.blob(#"{"schemaVersion": 2}"#).descriptor(
            TestLayout.manifestType, #", "platform": {"os": "unknown", "architecture": "unknown"}"#)
        let inner = try layout.blob(
            """
            {"schemaVersion": 2, "manifests": [\(attestation), \(try entry("arm64")),
             \(try entry("amd64", variant: #", "variant": "v3""#)), \(try entry("amd64"))]}
            """)
        try layout.index([inner.descriptor(TestLayout.indexType)])
        let image = try fixture.take(layout.path)
        #expect(try ErofsReader(files: image.files).contents(of: "/arch") == Array("amd64".utf8))
        // Without a word on the platform the configuration tells.
        try layout.index([
            try manifest("arm64").descriptor(TestLayout.manifestType),
            try manifest("amd64").descriptor(TestLayout.manifestType),
        ])
        #expect(try fixture.take(layout.path) == image)
        try layout.index([try entry("arm64"), try manifest("s390x").descriptor(TestLayout.manifestType)])
        try fixture.expectRefusal(layout.path, .badInput, "linux/arm64, linux/s390x", "linux/amd64")
    }
}
