import Foundation
import TestSupport
import Testing

@testable import Containers
@testable import Images

/// Debian's docker-registry, on a port of its own.
final class TestRegistry {
    let address: String
    private let child: ChildProcess

    init(in directory: TemporaryDirectory) throws {
        let port = try Self.freePort()
        address = "localhost:\(port)"
        let configuration = directory.path("registry.yml")
        try Data(
            """
            version: 0.1
            log: {level: error}
            storage: {filesystem: {rootdirectory: \(directory.path("registry"))}}
            http: {addr: "127.0.0.1:\(port)"}

            """.utf8
        ).write(to: URL(filePath: configuration))
        child = try ChildProcess(["docker-registry", "serve", configuration])
        try eventually("the registry") {
            try ProgramRun(["curl", "-sf", "http://\(self.address)/v2/"]).status == 0
        }
    }

    /// Returns a port on which no process listens.
    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(descriptor, generic, length) == 0
                    && getsockname(descriptor, generic, &length) == 0
            }
        }
        try #require(bound)
        return UInt16(bigEndian: address.sin_port)
    }

    func push(_ layout: String, as name: String) throws {
        let run = try ProgramRun([
            "skopeo", "copy", "-q", "--all", "--dest-tls-verify=false", "oci:\(layout)",
            "docker://\(address)/\(name)",
        ])
        try #require(run.status == 0, "\(run.error)")
    }
}

@Suite("vmm image import from a registry")
struct ImageRegistryTests {
    @Test("pulls by name and by digest, and sees when a name leads to another image")
    func pulls() throws {
        let bench = try ImageFixture()
        let registry = try TestRegistry(in: bench.directory)
        let layout = try bench.layout()
        let first = try layout.image([ImageFixture.archive()], .gzip, tag: "x")
        try registry.push(layout.path + ":x", as: "team/tool:1")
        let name = registry.address + "/team/tool:1"
        let run = try bench.image("import", "--verbose", name)
        #expect(run.output == first + "\n" && run.error.contains("pulling " + name), "\(run.error)")
        #expect(bench.leftovers.isEmpty)
        let second = try layout.image([ImageFixture.archive("other")], .gzip, tag: "x")
        try registry.push(layout.path + ":x", as: "team/tool:1")
        #expect(try bench.image("import", "docker://" + name).output == second + "\n")
        // A pull may move a name silently, unless a user of this store set the name.
        let other = try bench.layout("other")
        try other.image([ImageFixture.archive("mine")], tag: name)
        let refused = bench.importing(other.path)
        try bench.expectRefusal(refused, 64, name, "--move-names")
        let moved = try bench.image("import", other.path, "--move-names")
        #expect(moved.error.contains("\(name) (was \(second.prefix(12)))"), "\(moved)")
        let back = try bench.image("import", name)
        #expect(
            back.output == second + "\n" && back.error.contains("(was \(moved.output.prefix(12)))"), "\(back)"
        )
        let digest = try ProgramRun([
            "skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://" + name,
        ]).output.prefix { $0 != "\n" }
        #expect(try bench.image("import", "\(registry.address)/team/tool@\(digest)").output == second + "\n")
        // The first image has lost its name.
        let names = try bench.image("list").output
        #expect(names.contains("team/tool:1") && names.split(separator: "\n").count == 5)
        #expect(try bench.image("prune").output != "0 bytes freed\n")
        #expect(try bench.image("list").output.split(separator: "\n").count == 4)
    }

    @Test("says what skopeo says, and what to do")
    func failures() throws {
        let bench = try ImageFixture()
        let registry = try TestRegistry(in: bench.directory)
        try bench.expectRefusal(
            bench.importing(registry.address + "/none:1"), 66, "none:1", "manifest unknown")
        let nowhere = "localhost:\(try TestRegistry.freePort())/tool"
        try bench.expectRefusal(bench.importing(nowhere), 69, nowhere, "refused")
        var without = bench
        without.environment["PATH"] = bench.directory.path
        try without.expectRefusal(
            bench.importing(registry.address + "/x"), 69, "skopeo", "not installed", "apt-get")
        #expect(bench.leftovers.isEmpty)
    }

    /// Pushes an index of `entries`.
    private func push(
        _ entries: [String], of layout: TestLayout, as name: String, to registry: TestRegistry
    ) throws {
        let list = entries.joined(separator: ", ")
        let index = try layout.blob(
            #"{"schemaVersion": 2, "mediaType": "\#(TestLayout.indexType)", "manifests": [\#(list)]}"#)
        let annotation = #", "annotations": {"org.opencontainers.image.ref.name": "x"}"#
        try layout.index([index.descriptor(TestLayout.indexType, annotation)])
        try registry.push(layout.path + ":x", as: name)
    }

    @Test("pulls the variant that fits the CPU best, and none of the attestations")
    func variants() throws {
        let bench = try ImageFixture()
        let registry = try TestRegistry(in: bench.directory)
        let layout = try bench.layout()
        var identifiers: [Int: String] = [:]
        func entry(_ number: Int, _ platform: String) throws -> String {
            let layer = try layout.layer(ImageFixture.archive("\(number)"))
            let configuration = try layout.configuration([layer])
            identifiers[number] = String(configuration.digest.dropFirst(7))
            return try layout.manifest(configuration, [layer]).descriptor(
                TestLayout.manifestType, ", \"platform\": {\(platform)}")
        }
        let amd64 = #""os": "linux", "architecture": "amd64""#
        let entries = [
            try entry(9, #""os": "unknown", "architecture": "unknown""#),
            try entry(8, #""os": "linux", "architecture": "arm64""#), try entry(1, amd64),
            try entry(4, amd64 + #", "variant": "v4""#), try entry(2, amd64 + #", "variant": "v2""#),
            try entry(3, amd64 + #", "variant": "v3""#),
        ]
        try push(entries, of: layout, as: "tool:1", to: registry)
        let run = try bench.image("import", registry.address + "/tool:1")
        #expect(run.output.dropLast() == identifiers[Platform.hostLevel] ?? "", "\(run.error)")
        #expect(try bench.image("list").output.contains("/tool:1 "))
        try push(Array(entries.prefix(2)), of: layout, as: "tool:2", to: registry)
        try bench.expectRefusal(
            bench.importing(registry.address + "/tool:2"), 65, "linux/arm64", "linux/amd64")
        // An old skopeo cannot fetch an index alone, and chooses the platform itself.
        let tools = bench.directory.path("tools")
        try FileManager.default.createDirectory(atPath: tools, withIntermediateDirectories: false)
        let script = """
            #!/bin/bash
            case "$*" in *--multi-arch*) echo 'time="t" level=fatal msg="unknown flag: --multi-arch"' >&2; exit 1 ;; esac
            PATH=${PATH#*:} exec skopeo "$@"
            """
        try ExecutableFile.write(Array(script.utf8), to: tools + "/skopeo")
        var old = bench
        old.environment["PATH"] = tools + ":" + (old.environment["PATH"] ?? "")
        #expect(
            try old.image("import", registry.address + "/tool:1").output.dropLast() == identifiers[1] ?? "")
    }

    /// A registry may send data without end, whatever its manifests declare.
    @Test("ends a download that takes more than an import may")
    func endlessDownload() throws {
        var bench = try ImageFixture()
        let program = bench.directory.path("skopeo")
        let script = """
            #!/bin/sh
            for place; do :; done
            place=${place#oci:}; mkdir -p "${place%:image}"
            head -c 64000000 /dev/urandom >"${place%:image}/blob"
            sleep 20
            """
        try Data(script.utf8).write(to: URL(filePath: program))
        #expect(unsafe chmod(program, 0o755) == 0)
        bench.environment["PATH"] = "\(bench.directory.path):\(bench.environment["PATH"] ?? "/usr/bin:/bin")"
        try bench.expectRefusal(
            [Monitor.program, "image", "import", "--max-import-size", "8M", "registry.example/tool"], 65,
            "registry.example/tool", "8M", "--max-import-size")
        #expect(bench.leftovers.isEmpty)
        bench.environment["VMM_MAX_IMPORT_SIZE"] = "none"
        try bench.expectRefusal(bench.importing("registry.example/tool"), 64, "VMM_MAX_IMPORT_SIZE", "none")
    }

    @Test("refuses an image that is for another machine")
    func foreign() throws {
        let bench = try ImageFixture()
        let registry = try TestRegistry(in: bench.directory)
        let layout = try bench.layout()
        let layer = try layout.layer(ImageFixture.archive())
        let manifest = try layout.manifest(try layout.configuration([layer], architecture: "arm64"), [layer])
        try layout.index([
            manifest.descriptor(
                TestLayout.manifestType, #", "annotations": {"org.opencontainers.image.ref.name": "x"}"#)
        ])
        try registry.push(layout.path + ":x", as: "tool:1")
        try bench.expectRefusal(
            bench.importing(registry.address + "/tool:1"), 65, "linux/arm64", "linux/amd64")
    }
}
