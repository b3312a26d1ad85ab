import Foundation
import Host
import Images
import Layers
import TestSupport
import Testing

@testable import Containers

@Suite("Docker archives, bundles and layouts that lie are refused and leave nothing behind")
struct HostileSourceTests {
    private let fixture: StoreFixture

    init() throws { fixture = try StoreFixture() }

    @Test("a Docker archive with false names is refused")
    func dockerArchives() throws {
        func write(_ members: [(String, String)]) throws -> String {
            var tar = TarWriter()
            for (name, text) in members { tar.file(name, text) }
            let path = fixture.directory.path("docker.tar")
            try Data(tar.finished()).write(to: URL(filePath: path))
            return path
        }
        let layer = String(decoding: StoreFixture.archive(), as: UTF8.self)
        let digest = SHA256.digest(of: StoreFixture.archive())
        let config = #"{"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["\#(digest)"]}}"#
        let name = SHA256.digest(of: Array(config.utf8)).hexadecimal + ".json"
        func manifest(_ config: String, _ layer: String = "layer.tar") -> String {
            #"[{"Config": "\#(config)", "RepoTags": null, "Layers": ["\#(layer)"]}]"#
        }
        let good = [("layer.tar", layer), (name, config), ("manifest.json", manifest(name))]
        try fixture.take(try write(good))
        let other = String(repeating: "0", count: 64) + ".json"
        for (members, word) in [
            (
                [("manifest.json", manifest(other)), (other, config), ("layer.tar", layer)],
                "does not match its name"
            ),
            (
                [
                    ("manifest.json", manifest("sha256:" + other.dropLast(5))),
                    ("sha256:" + other.dropLast(5), config),
                ], "does not match its name"
            ),
            ([("manifest.json", manifest("/etc/passwd")), ("layer.tar", layer)], "passwd"),
            ([("manifest.json", manifest("../../../etc/passwd"))], "passwd"),
            ([("manifest.json", manifest(name, "../../../etc/passwd")), (name, config)], "passwd"),
            ([("manifest.json", "[]")], "no image"), ([("manifest.json", "{}")], "array"),
            (
                [
                    ("layer.tar", layer), (name, config.replacing("amd64", with: "arm64")),
                    ("manifest.json", manifest(name)),
                ], "digest"
            ),
            (
                [
                    ("layer.tar", layer), ("x", config.replacing("amd64", with: "arm64")),
                    ("manifest.json", manifest("x")),
                ], "linux/arm64"
            ),
            ([("nothing", "")], "oci-layout"),
        ] {
            try fixture.expectRefusal(try write(members), .badInput, word)
        }
    }

    @Test("a link that leads out of a layout is refused, and one that stays inside is followed")
    func layoutsThatLeadOut() throws {
        let files = FileManager.default
        let outside = fixture.directory.path("outside")
        try files.createDirectory(atPath: outside, withIntermediateDirectories: true)
        let layout = try fixture.layout()
        let layer = try layout.layer(StoreFixture.archive())
        let configuration = try layout.configuration([layer])
        let manifest = try layout.manifest(configuration, [layer])
        try layout.index([manifest.descriptor(TestLayout.manifestType)])
        let blobs = [layer, configuration, manifest].map { "blobs/sha256/\($0.digest.dropFirst(7))" }
        for (number, name) in (["oci-layout", "index.json", "blobs"] + blobs).enumerated() {
            let (place, target) = (layout.path + "/" + name, "\(outside)/\(number)")
            for destination in [target, "../outside/\(number)"] {
                try files.moveItem(atPath: place, toPath: target)
                let depth = name.split(separator: "/").count - 1
                let up = destination == target ? "" : String(repeating: "../", count: depth)
                try files.createSymbolicLink(atPath: place, withDestinationPath: up + destination)
                try fixture.expectRefusal("oci:" + layout.path, .badInput, "leads out", name)
                try files.removeItem(atPath: place)
                try files.moveItem(atPath: target, toPath: place)
            }
        }
        try files.moveItem(atPath: layout.path + "/blobs", toPath: layout.path + "/content")
        try files.createSymbolicLink(atPath: layout.path + "/blobs", withDestinationPath: "content")
        try fixture.take("oci:" + layout.path)
    }

    @Test("a directory that is not a valid bundle is refused")
    func bundles() throws {
        let path = fixture.directory.path("bundle")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        for (text, kind) in [
            ("", Failure.Kind.badInput), ("{}", .badInput), (#"{"ociVersion": "1.0.0"}"#, .badInput),
            (#"{"ociVersion": "1.0.0", "root": {"path": "rootfs"}}"#, .missingInput),
            (
                #"{"ociVersion": "1.0.0", "root": {"path": "rootfs"}, "process": {"user": {"uid": 4294967296}}}"#,
                .badInput
            ),
        ] {
            try Data(text.utf8).write(to: URL(filePath: path + "/config.json"))
            try fixture.expectRefusal(path, kind, path)
        }
    }

    @Test("a bundle with a root file system outside it is refused, unless the user allows it")
    func bundlesThatLeadOut() throws {
        let files = FileManager.default
        let (path, outside) = (fixture.directory.path("bundle"), fixture.directory.path("outside"))
        for directory in [path + "/inside/etc", outside + "/etc"] {
            try files.createDirectory(atPath: directory, withIntermediateDirectories: true)
        }
        func write(root: String) throws {
            let text =
                #"{"ociVersion": "1.0.0", "root": {"path": "\#(root)"}, "process": {"args": ["true"]}}"#
            try Data(text.utf8).write(to: URL(filePath: path + "/config.json"))
        }
        try files.createSymbolicLink(atPath: path + "/rootfs", withDestinationPath: "/")
        try files.createSymbolicLink(atPath: path + "/inside/up", withDestinationPath: "../..")
        try files.createSymbolicLink(atPath: path + "/near", withDestinationPath: "inside")
        for root in ["rootfs", "../outside", "inside/up/outside", "inside/../../outside", outside, "/"] {
            try write(root: root)
            try fixture.expectRefusal(path, .badInput, "outside the bundle", "--allow-outside-root")
            #expect(throws: Failure.self) { try fixture.find(path) }
        }
        try write(root: "inside")
        try files.moveItem(atPath: path + "/config.json", toPath: outside + "/config.json")
        try files.createSymbolicLink(
            atPath: path + "/config.json", withDestinationPath: "../outside/config.json")
        try fixture.expectRefusal(path, .badInput, "leads out")
        try files.removeItem(atPath: path + "/config.json")
        for root in ["inside", "near", path + "/inside"] {
            try write(root: root)
            #expect(try fixture.take(path).notice == nil)
        }
        try write(root: outside)
        let store = try fixture.store()
        let image = try store.importImage(path, permissions: .outsideRoot, progress: .silent)
        #expect(image.notice?.contains(try Files.resolved(outside)) == true)
        #expect(
            try store.image(for: path, allowsOutsideRoot: true, progress: .silent).identifier
                == image.identifier)
    }

    @Test("a bundle that requests unusual mounts or names is refused before its files are read")
    func unusualBundles() throws {
        let path = fixture.directory.path("bundle")
        try FileManager.default.createDirectory(
            atPath: path + "/rootfs/etc", withIntermediateDirectories: true)
        func write(_ more: String) throws {
            let text =
                #"{"ociVersion": "1.0.0", "root": {"path": "rootfs"}, "process": {"args": ["true"]}, \#(more)}"#
            try Data(text.utf8).write(to: URL(filePath: path + "/config.json"))
        }
        func mount(_ type: String, _ place: String = "/mnt") -> String {
            #""mounts": [{"destination": "\#(place)", "type": "\#(type)", "source": "/dev/vda", "options": ["ro"]}]"#
        }
        for (more, word) in [
            (mount("ext4"), "ext4"), (mount("devtmpfs"), "devtmpfs"), (mount(""), "''"),
            (mount("none"), "none"),
            (mount("bind"), "directories of the host"), (mount("tmpfs", "here"), "here"),
            (#""hostname": "a\n127.0.0.1 bank""#, "host"),
            (#""hostname": "\#(String(repeating: "h", count: 65))""#, "host"),
        ] {
            try write(more)
            try fixture.expectRefusal(path, .badInput, word)
        }
        for type in ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup2"] {
            try write(mount(type) + #", "hostname": "box""#)
            #expect(try fixture.take(path).bundle?.mounts.first?.type == type)
        }
        // What every container has there anyway stays as every container has it.
        try write(mount("devtmpfs", "/dev"))
        try fixture.take(path)
    }
}
