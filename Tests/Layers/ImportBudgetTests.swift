import Foundation
import Host
import TestSupport
import Testing

@testable import EROFS
@testable import Layers
@testable import Tar

@Suite("The budget of an import")
struct ImportBudgetTests {
    private func budget(_ change: (inout ImportLimits) -> Void) -> ImportBudget {
        var limits = ImportLimits()
        change(&limits)
        return ImportBudget(limits: limits)
    }

    private func write(_ byteCount: Int, _ byte: UInt8, _ budget: ImportBudget) throws {
        let file = try TemporaryFile()
        let descriptor = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
        let writer = try ErofsWriter(to: descriptor.rawValue, named: "the layer", budget: budget)
        try writer.add(
            LayerEntry(path: .test("file"), kind: .file(byteCount: UInt64(byteCount)), permissions: 0))
        let bytes = [UInt8](repeating: byte, count: byteCount)
        try unsafe bytes.withUnsafeBytes { unsafe try writer.append($0) }
        _ = try writer.finish()
    }

    @Test("all layers together are limited in the bytes they write; zeroes do not count")
    func written() throws {
        let budget = budget { $0.writtenByteCount = 8 << 20 }
        try write(64 << 20, 0, budget)
        try write(3 << 20, 1, budget)
        try write(3 << 20, 1, budget)
        let failure = #expect(throws: Failure.self) { try write(3 << 20, 1, budget) }
        #expect(failure?.kind == .badInput && failure?.why == "the import needs more than 8M of disk space")
        #expect(failure?.cure?.contains("--max-import-size") == true)
    }

    @Test("the index over the layers counts against the bytes written")
    func index() throws {
        var layer = TestLayer()
        for number in 0..<2000 { layer.add("a name of some length, for there are many \(number)", .fifo) }
        let file = try layer.write().file
        let index = try TemporaryFile()
        let descriptor = try OwnedDescriptor(opening: index.path, for: .readingAndWriting)
        let failure = #expect(throws: Failure.self) {
            try ImageIndex.write(
                layers: [file.path], to: descriptor.rawValue, named: "the index",
                budget: budget { $0.writtenByteCount = 64 << 10 })
        }
        #expect(failure?.why.contains("64K") == true)
    }

    @Test("the files of all layers are limited, including those that replace others")
    func entries() throws {
        var layer = TestLayer()
        for _ in 0..<30 { layer.file("same", []) }
        let file = try TemporaryFile()
        let descriptor = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
        let budget = budget { $0.entryCount = 50 }
        func add() throws {
            let writer = try ErofsWriter(to: descriptor.rawValue, named: "the layer", budget: budget)
            for item in layer.items { try writer.add(item.entry) }
        }
        try add()
        let failure = #expect(throws: Failure.self) { try add() }
        #expect(failure?.why.contains("too many files") == true)
    }

    @Test("the unpacked size of layers and archives is limited", arguments: ["gzip -c", "zstd -cq"])
    func unpacked(_ packer: String) throws {
        let tools = try ToolDirectory()
        try tools.shell("truncate -s 8M zeroes; tar -cf - zeroes | \(packer) >packed")
        let packed = try tools.bytes("packed")
        var sink = RecordingSink()
        let failure = #expect(throws: Failure.self) {
            try LayerArchive.read(
                MemorySource(packed, complaint: "cannot read it"), into: &sink,
                budget: budget { $0.unpackedByteCount = 4 << 20 })
        }
        #expect(failure?.kind == .badInput && failure?.why == "the image unpacks to more than 4M")
        #expect(throws: Failure.self) {
            _ = try TarIndex(
                opening: tools.path + "/packed", scratch: tools.path,
                budget: budget { $0.unpackedByteCount = 4 << 20 })
        }
    }

    @Test("a compressed archive's unpacked file counts without its zeroes, which become holes")
    func scratch() throws {
        let tools = try ToolDirectory()
        try tools.shell(
            """
            head -c 5000 /dev/urandom >noise; (cat noise; head -c 10000000 /dev/zero; cat noise) >mixed
            head -c 3000000 /dev/urandom >random; truncate -s 16M zeroes
            tar -cf - mixed zeroes | gzip -c >sparse; tar -cf - random | gzip -c >dense
            """)
        let index = try TarIndex(
            opening: tools.path + "/sparse", scratch: tools.path,
            budget: budget { $0.writtenByteCount = 1 << 20 })
        for name in ["mixed", "zeroes"] {
            var source = try index.source(of: name, as: "layer")
            let bytes = try source.bytes(upTo: 32 << 20)
            #expect(try bytes == tools.bytes(name))
        }
        let failure = #expect(throws: Failure.self) {
            _ = try TarIndex(
                opening: tools.path + "/dense", scratch: tools.path,
                budget: budget { $0.writtenByteCount = 1 << 20 })
        }
        #expect(failure?.why == "the import needs more than 1M of disk space")
    }

    @Test(
        "an import leaves some of the file system free",
        arguments: [
            (1 << 40, 255 << 20, 256 << 20), (1 << 40, 256 << 20, nil), (100 << 20, 4 << 20, 5 << 20),
            (100 << 20, 5 << 20, nil), (1 << 20, 0, 1 << 20), (0, 0, nil),
        ] as [(UInt64, UInt64, UInt64?)])
    func reserve(_ size: UInt64, _ free: UInt64, _ missing: UInt64?) {
        #expect(FreeSpace.missingReserve(of: size, free: free) == missing)
    }

    @Test("sizes are formatted as options accept them")
    func text() {
        #expect(ImportLimits.text(ImportLimits().writtenByteCount) == "64G")
        #expect([1 << 40, 1536 << 20, 1000, 0].map(ImportLimits.text) == ["1T", "1536M", "1000", "0"])
    }
}
