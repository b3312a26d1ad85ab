import Foundation
import Host
import TestSupport

@testable import EROFS
@testable import Layers

/// A layer as a list of what an archive would have.
struct TestLayer {
    var items: [Item] = []

    struct Item {
        var entry: LayerEntry
        var parts: [Part] = []
    }

    enum Part {
        case bytes([UInt8])
        case hole(UInt64)
    }

    /// The layer as an image. Bytes come in pieces of `pieceByteCount`.
    func write(pieceByteCount: Int = 64 << 10) throws -> (file: TemporaryFile, facts: ErofsFacts) {
        let file = try TemporaryFile()
        let descriptor = unsafe open(file.path, O_RDWR | O_CLOEXEC)
        defer { close(descriptor) }
        let writer = try ErofsWriter(to: descriptor, named: "the test's layer")
        for item in items {
            try writer.add(item.entry)
            for part in item.parts { try write(part, to: writer, pieceByteCount) }
        }
        return (file, try writer.finish())
    }

    private func write(_ part: Part, to writer: ErofsWriter, _ pieceByteCount: Int) throws {
        switch part {
        case .hole(let byteCount): try writer.appendHole(byteCount: byteCount)
        case .bytes(let bytes):
            var rest = bytes[...]
            while !rest.isEmpty {
                try unsafe rest.prefix(pieceByteCount).withUnsafeBytes { unsafe try writer.append($0) }
                rest = rest.dropFirst(pieceByteCount)
            }
        }
    }
}

extension TestLayer {
    mutating func add(
        _ path: String, _ kind: LayerEntry.Kind, _ change: (inout LayerEntry) -> Void = { _ in }
    ) {
        var entry = LayerEntry(path: .test(path), kind: kind, permissions: 0o644)
        if case .directory = kind { entry.permissions = 0o755 }
        change(&entry)
        items.append(Item(entry: entry))
    }

    mutating func file(_ path: String, _ bytes: [UInt8], _ change: (inout LayerEntry) -> Void = { _ in }) {
        file(path, parts: [.bytes(bytes)], change)
    }

    mutating func file(_ path: String, parts: [Part], _ change: (inout LayerEntry) -> Void = { _ in }) {
        let byteCount = parts.reduce(0) { $0 + $1.byteCount }
        add(path, .file(byteCount: byteCount), change)
        items[items.count - 1].parts = parts
    }
}

extension TestLayer.Part {
    var byteCount: UInt64 {
        switch self {
        case .bytes(let bytes): UInt64(bytes.count)
        case .hole(let byteCount): byteCount
        }
    }
}

extension LayerPath {
    static func test(_ path: String) -> LayerPath {
        LayerPath(trusting: path.split(separator: "/").map { Array($0.utf8) })
    }
}

/// Layers on disk, their index, and the image that they are together.
struct TestImage {
    let layers: [TemporaryFile]
    let index: TemporaryFile
    let facts: ErofsFacts

    init(_ layers: [TestLayer]) throws {
        try self.init(files: layers.map { try $0.write().file })
    }

    init(files: [TemporaryFile]) throws {
        layers = files
        index = try TemporaryFile()
        let descriptor = unsafe open(index.path, O_RDWR | O_CLOEXEC)
        defer { close(descriptor) }
        facts = try ImageIndex.write(layers: layers.map(\.path), to: descriptor, named: "the test's index")
    }

    var paths: [String] { [index.path] + layers.map(\.path) }

    func reader() throws -> ErofsReader { try ErofsReader(files: paths) }

    /// What fsck.erofs complains about, or nothing.
    func complaints() throws -> String? {
        let whole = try concatenated()
        let run = try ProgramRun(["fsck.erofs", whole.path], seconds: 300)
        return withExtendedLifetime(whole) { run.status == 0 ? nil : run.output + run.error }
    }

    /// What the host's kernel shows of it.
    func mounted() throws -> SeenTree { try MountedImage.seen(concatenated()) }

    /// The files one after another, as a machine shows them.
    func concatenated() throws -> TemporaryFile {
        let whole = try TemporaryFile()
        let result = try ProgramRun(["sh", "-c", "cat \"$@\" >\"$0\"", whole.path] + paths)
        guard result.status == 0 else { throw CocoaError(.fileWriteUnknown) }
        return whole
    }
}
