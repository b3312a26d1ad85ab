import Foundation
import Host
import Images
import Layers
import TestSupport
import Testing

@testable import Containers

@Suite("An image of 60 layers")
struct SixtyLayersTests {
    private let fixture: StoreFixture
    private let layout: TestLayout

    init() throws {
        fixture = try StoreFixture()
        layout = try fixture.layout()
    }

    @Test("an image of 60 layers equals what umoci unpacks, file by file")
    func comparison() throws {
        try makeImage(named: "x")
        let unpacked = fixture.directory.path("unpacked")
        let umoci = try ProgramRun(["umoci", "unpack", "--image", layout.path + ":x", unpacked])
        try #require(umoci.status == 0, "\(umoci.error)")
        let image = try fixture.take(layout.path + ":x")
        let wanted = try TreeText.lines(ofDirectory: unpacked + "/rootfs")
        let found = try TreeText.lines(ofImage: image.files)
        expectEverything(in: wanted)
        let missing = Set(wanted).subtracting(found).sorted().prefix(20)
        let surplus = Set(found).subtracting(wanted).sorted().prefix(20)
        #expect(
            missing.isEmpty && surplus.isEmpty,
            "umoci:\n\(missing.joined(separator: "\n"))\nvmm:\n\(surplus.joined(separator: "\n"))")
    }

    private func makeImage(named name: String) throws {
        var script = LayerScript(seed: 60)
        let layers = try (0..<60).map { number in
            try layout.layer(archive(number, of: &script), Self.packing(number))
        }
        let descriptors = layers.enumerated().map { number, layer in
            layer.descriptor(TestLayout.layerType(Self.packing(number)))
        }
        let configuration = try layout.configuration(layers)
        let manifest = try layout.blob(
            """
            {"schemaVersion": 2, "config": \(configuration.descriptor(TestLayout.configurationType)),
             "layers": [\(descriptors.joined(separator: ", "))]}
            """)
        let annotations = #", "annotations": {"org.opencontainers.image.ref.name": "\#(name)"}"#
        try layout.index([manifest.descriptor(TestLayout.manifestType, annotations)])
    }

    private static func packing(_ number: Int) -> TestLayout.Packing {
        [.none, .gzip][number % 2]
    }

    /// What a layer is made of is that of real ones: GNU tar with attributes, holes and pax names. The old
    /// kind of holes is more than umoci reads.
    private func archive(_ number: Int, of script: inout LayerScript) throws -> [UInt8] {
        let (tree, archive) = (fixture.directory.path("tree"), fixture.directory.path("layer.tar"))
        let format = number % 3 == 0 ? "gnu --no-xattrs" : "pax --sparse"
        let made = try ProgramRun([
            "bash", "-c",
            """
            set -e; umask 022; rm -rf \(tree); mkdir \(tree); cd \(tree)
            \(script.layer(number))
            tar --xattrs --xattrs-include='*' --numeric-owner --sort=name --format=\(format) \
                --mtime=@\(1_600_000_000 + number * 1000) -cf \(archive) .
            """,
        ])
        try #require(made.status == 0, "\(made.error)")
        return [UInt8](try Data(contentsOf: URL(filePath: archive)))
    }

    /// Whatever the layers were made of is still there.
    private func expectEverything(in lines: [String]) {
        #expect(lines.count > 300)
        for sign in [
            "user.test=", "security.capability=", " 7,200", " 1,3", " -> ", " = /", "longlong", " 104755 ",
            " 41777 ", "300",
        ] {
            #expect(lines.contains { $0.contains(sign) }, "\(sign)")
        }
    }
}

/// Makes up layers, each knowing what those below have. The same seed makes the same layers.
private struct LayerScript {
    private var numbers: SplitMix64
    private var directories: Set<String> = ["."]
    private var files: Set<String> = []
    private var count = 0

    init(seed: UInt64) {
        numbers = SplitMix64(seed: seed)
    }

    /// Below `limit`.
    private mutating func random(_ limit: Int) -> Int {
        Int(numbers.next() % UInt64(limit))
    }

    private mutating func any(_ set: Set<String>) -> String? {
        set.isEmpty ? nil : set.sorted()[random(set.count)]
    }

    private mutating func newName(in directory: String) -> String {
        count += 1
        let long = random(12) == 0 ? String(repeating: "long", count: 60) : ""
        return "\(directory)/n\(count)\(long)"
    }

    /// The lines of shell that make a layer in an empty directory.
    mutating func layer(_ number: Int) -> String {
        var lines: [String] = []
        // A path is touched once in a layer: what a layer does twice has no order that is the same for all.
        var touched: Set<String> = []
        for _ in 0..<24 { lines.append(contentsOf: step(number, &touched)) }
        return lines.joined(separator: "\n")
    }

    private func isFree(_ path: String, _ touched: Set<String>) -> Bool {
        !touched.contains {
            $0 == path || $0.hasPrefix(path + "/") || path.hasPrefix($0 + "/") && !directories.contains($0)
        }
    }

    private mutating func step(_ number: Int, _ touched: inout Set<String>) -> [String] {
        let directory = any(directories) ?? "."
        // Below what went away in this layer there is nothing.
        guard touched.allSatisfy({ !(directory + "/").hasPrefix($0 + "/") || directories.contains($0) })
        else { return [] }
        let path = newName(in: directory)
        let make = "mkdir -p '\(directory)'"
        touched.insert(path)
        switch random(16) {
        case 0, 1:
            directories.insert(path)
            return [make, "mkdir '\(path)'", "chmod \(["755", "700", "1777", "2750"][random(4)]) '\(path)'"]
        case 2:
            files.insert(path)
            return [make, "ln -s '../some/where \(count)' '\(path)'"]
        case 3:
            files.insert(path)
            files.insert(path + "h")
            touched.insert(path + "h")
            return [make, "echo \(count) >'\(path)'", "ln '\(path)' '\(path)h'"]
        case 4:
            files.insert(path)
            return [
                make, ["mknod '\(path)' c 1 3", "mknod '\(path)' b 7 200", "mkfifo '\(path)'"][random(3)],
            ]
        case 5:
            files.insert(path)
            return [
                make, "truncate -s \(3_000_000 + random(5000)) '\(path)'",
                "printf x | dd of='\(path)' bs=1 seek=\(random(2_000_000)) conv=notrunc status=none",
            ]
        case 6 where number % 3 != 0:
            files.insert(path)
            return [
                make, "echo \(count) >'\(path)'", "setfattr -n user.test -v 'value \(count)' '\(path)'",
                "setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 '\(path)'",
            ]
        case 7, 8: return whiteout(&touched)
        case 9: return opaque(&touched)
        case 10: return replacement(&touched)
        default:
            files.insert(path)
            return [
                make, "head -c \(random(3) == 0 ? random(40000) : random(200)) /dev/urandom >'\(path)'",
                "chown \(random(3) * 500):\(random(70000)) '\(path)'",
                "chmod \(["644", "4755", "600", "0"][random(4)]) '\(path)'",
            ]
        }
    }

    /// A file or a directory of a layer below goes away.
    private mutating func whiteout(_ touched: inout Set<String>) -> [String] {
        let candidates = random(4) == 0 ? directories.subtracting(["."]) : files
        guard let path = any(candidates), isFree(path, touched) else { return [] }
        touched.insert(path)
        forget(path)
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let (parent, name) = (path[..<slash], path[path.index(after: slash)...])
        // The prefix makes some names too long.
        guard name.utf8.count < 250 else { return [] }
        return ["mkdir -p '\(parent)'", "touch '\(parent)/.wh.\(name)'"]
    }

    /// All that layers below have in a directory goes away.
    private mutating func opaque(_ touched: inout Set<String>) -> [String] {
        guard let path = any(directories.subtracting(["."])), isFree(path, touched) else { return [] }
        touched.insert(path)
        forget(path)
        directories.insert(path)
        let file = newName(in: path)
        files.insert(file)
        touched.insert(file)
        return ["mkdir -p '\(path)'", "touch '\(path)/.wh..wh..opq'", "echo new >'\(file)'"]
    }

    /// A file becomes another, or a directory, or a directory a file.
    private mutating func replacement(_ touched: inout Set<String>) -> [String] {
        let wasDirectory = random(3) == 0
        guard let path = any(wasDirectory ? directories.subtracting(["."]) : files), isFree(path, touched)
        else { return [] }
        touched.insert(path)
        forget(path)
        let parent = "mkdir -p \"$(dirname '\(path)')\""
        if !wasDirectory, random(2) == 0 {
            directories.insert(path)
            return [parent, "mkdir '\(path)'"]
        }
        files.insert(path)
        return [parent, "echo replaced \(count) >'\(path)'"]
    }

    private mutating func forget(_ path: String) {
        files = files.filter { $0 != path && !$0.hasPrefix(path + "/") }
        directories = directories.filter { $0 != path && !$0.hasPrefix(path + "/") }
    }
}
