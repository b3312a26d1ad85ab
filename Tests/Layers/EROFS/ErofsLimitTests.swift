import Host
import TestSupport
import Testing

@testable import EROFS
@testable import Layers

@Suite("Limits of EROFS")
struct ErofsLimitTests {
    private func failure(_ kind: LayerEntry.Kind, _ change: (inout LayerEntry) -> Void = { _ in }) throws
        -> Failure?
    {
        var layer = TestLayer()
        layer.add("some/file", kind, change)
        return #expect(throws: Failure.self) { try layer.write() }
    }

    private func attribute(_ name: String, _ byteCount: Int) -> ExtendedAttribute {
        ExtendedAttribute(name: Array(name.utf8), value: Array(repeating: 1, count: byteCount))
    }

    @Test("a file beyond a limit is refused with its path")
    func refused() throws {
        let failures = [
            try failure(.fifo) { $0.attributes = [attribute("user.x", 65536)] },
            try failure(.fifo) {
                $0.attributes = [attribute("user." + String(repeating: "x", count: 256), 1)]
            },
            try failure(.fifo) { $0.attributes = (0..<5).map { attribute("user.\($0)", 60_000) } },
            try failure(.symbolicLink(target: [])),
            try failure(.symbolicLink(target: Array(repeating: 65, count: 4096))),
            try failure(.characterDevice(major: 4096, minor: 0)),
            try failure(.blockDevice(major: 0, minor: 1 << 20)),
        ]
        for failure in failures { #expect(failure?.what.contains("/some/file") == true) }
    }

    /// A path has up to 2,048 names, and a compressed archive tells of millions of directories in a few
    /// bytes.
    @Test("a directory costs memory only for its own name and attributes")
    func directories() throws {
        let file = try TemporaryFile()
        let descriptor = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
        let writer = try ErofsWriter(to: descriptor.rawValue, named: "the layer")
        for name in ["a", "a/b", "a/b/c"] {
            try writer.add(LayerEntry(path: .test(name), kind: .directory, permissions: 0o700))
        }
        #expect(writer.directories.count == 4)
        for directory in writer.directories {
            #expect(directory.entry == nil || directory.entry?.permissions == 0o700)
            #expect(directory.entry?.path.names.count ?? 0 == 0)
        }
        var layer = TestLayer()
        layer.add("some/directory", .directory) {
            $0.attributes = (0..<5).map { attribute("user.\($0)", 60_000) }
        }
        let failure = #expect(throws: Failure.self) { try layer.write() }
        #expect(failure?.what.contains("/some/directory") == true)
    }

    /// A megabyte of a compressed archive tells of a million files.
    @Test(
        "the memory for all files together is limited",
        arguments: [
            LayerEntry.Kind.fifo, .directory, .symbolicLink(target: [65]), .hardLink(to: .test("file")),
        ])
    func memory(kind: LayerEntry.Kind) throws {
        let file = try TemporaryFile()
        let descriptor = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
        let writer = try ErofsWriter(
            to: descriptor.rawValue, named: "the layer",
            budget: ImportBudget(memory: TreeMemory(byteCount: 1 << 20)))
        try writer.add(LayerEntry(path: .test("file"), kind: .fifo, permissions: 0))
        var count = 0
        let failure = #expect(throws: Failure.self) {
            for number in 0..<20_000 {
                try writer.add(LayerEntry(path: .test("\(number)"), kind: kind, permissions: 0))
                count += 1
            }
        }
        #expect(failure?.kind == .badInput && failure?.why.contains("too many files") == true)
        #expect((2500..<20_000).contains(count), "\(count)")
    }

    @Test("the attributes of directories and the files of all layers count together")
    func memoryOfAttributes() throws {
        let file = try TemporaryFile()
        let descriptor = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
        let writer = try ErofsWriter(
            to: descriptor.rawValue, named: "the layer",
            budget: ImportBudget(memory: TreeMemory(byteCount: 1 << 20)))
        let failure = #expect(throws: Failure.self) {
            for number in 0..<20 {
                var entry = LayerEntry(path: .test("\(number)"), kind: .directory, permissions: 0)
                entry.attributes = [attribute("user.x", 60_000)]
                try writer.add(entry)
            }
        }
        #expect(failure?.why.contains("too many files") == true)
        var tree = FileTree(rootInode: 0, layer: 0, memory: TreeMemory(byteCount: 4096))
        #expect(throws: Damage.self) {
            for number in 0..<100 { _ = try tree.insert([UInt8(number)], in: FileTree.root, .fifo, inode: 0) }
        }
    }

    @Test("layers that are written at the same time share one memory limit and return their parts")
    func sharedMemory() throws {
        let memory = TreeMemory(byteCount: 1 << 20)
        let file = try TemporaryFile()
        let descriptor = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
        /// Adds up to `limit` files; how many there was memory for.
        func fill(_ writer: ErofsWriter, upTo limit: Int = .max, from start: Int = 0) -> Int {
            for number in 0..<limit {
                let entry = LayerEntry(path: .test("\(start + number)"), kind: .fifo, permissions: 0)
                guard (try? writer.add(entry)) != nil else { return number }
            }
            return limit
        }
        func writer() throws -> ErofsWriter {
            try ErofsWriter(to: descriptor.rawValue, named: "the layer", budget: ImportBudget(memory: memory))
        }
        #expect(TreeMemory().freeByteCount == 1 << 30)
        let alone = fill(try writer())
        #expect((10_000..<15_000).contains(alone) && memory.freeByteCount == 1 << 20)
        do {
            var first: ErofsWriter? = try writer()
            #expect(first.map { fill($0, upTo: alone / 2) } == alone / 2)
            let second = try writer()
            let beside = fill(second)
            #expect((alone / 3...alone / 2 + 1000).contains(beside), "\(beside) of \(alone)")
            first = nil
            #expect(fill(second, upTo: alone / 4, from: beside) == alone / 4)
        }
        #expect(memory.freeByteCount == 1 << 20)
    }

    @Test("the root is a directory and cannot be replaced")
    func root() throws {
        for kind in [LayerEntry.Kind.fifo, .whiteout, .hardLink(to: .test("x")), .file(byteCount: 0)] {
            var layer = TestLayer()
            layer.add("", kind)
            #expect(throws: Failure.self) { try layer.write() }
        }
    }

    @Test(
        "attributes and links up to the limits survive", arguments: [0, 1, 2000, 4000, 4030, 8192, 65535])
    func attributes(byteCount: Int) throws {
        var layer = TestLayer()
        layer.file("file", Array(repeating: 1, count: 2000)) {
            $0.attributes = [attribute("user.x", byteCount)]
        }
        layer.file("sparse", parts: [.hole(1 << 20)]) { $0.attributes = [attribute("trusted.x", byteCount)] }
        layer.add("link", .symbolicLink(target: Array(repeating: 66, count: 1 + byteCount % 4095))) {
            $0.attributes = [attribute("security.x", byteCount)]
        }
        layer.add("d", .directory) { $0.attributes = [attribute("user.x", byteCount)] }
        layer.file("d/file", [1])
        let image = try TestImage([layer])
        #expect(try image.reader().seen().differences(from: ModelTree([layer]).seen()) == [])
        #expect(try image.complaints() == nil)
    }

    @Test("attributes of other systems and of overlayfs are left out, and repeated ones count once")
    func leftOut() throws {
        var layer = TestLayer()
        layer.file("file", []) {
            $0.attributes = [
                attribute("com.apple.x", 1), attribute("user.", 1), attribute("user.a", 1),
                attribute("user.a", 2),
                attribute("trusted.overlay.redirect", 5), attribute("system.posix_acl_accessory", 1),
            ]
        }
        let image = try layer.write()
        #expect(image.facts.skippedAttributeCount == 3)
        let seen = try ErofsReader(files: [image.file.path]).seen()
        #expect(seen["/file"]?.attributes == [attribute("user.a", 2)])
    }

    @Test("a full file system is a failure with a cure")
    func full() throws {
        let device = try OwnedDescriptor(opening: "/dev/full", for: .readingAndWriting)
        let writer = try ErofsWriter(to: device.rawValue, named: "the layer")
        let bytes = [UInt8](repeating: 1, count: 4 << 20)
        try writer.add(LayerEntry(path: .test("file"), kind: .file(byteCount: 4 << 20), permissions: 0))
        let failure = #expect(throws: Failure.self) {
            try unsafe bytes.withUnsafeBytes { unsafe try writer.append($0) }
        }
        #expect(failure?.cure?.contains("room") == true)
    }
}
