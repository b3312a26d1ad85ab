import Foundation
import Host
import TestSupport
import Testing

@testable import EROFS
@testable import Layers

/// Images that somebody has damaged.
@Suite("Damaged EROFS images")
struct ErofsHostileTests {
    /// A layer in which every kind of structure is there once.
    private func image() throws -> [UInt8] {
        var layer = TestLayer()
        layer.file("d/small", [1, 2, 3]) {
            $0.attributes = [ExtendedAttribute(name: Array("user.x".utf8), value: [1, 2, 3])]
        }
        layer.file("d/big", [5] + Array(repeating: 0, count: 5000))
        layer.file("d/sparse", parts: [.bytes([1]), .hole(200_000)])
        layer.add("d/link", .symbolicLink(target: Array("small".utf8)))
        layer.add("d/name", .hardLink(to: .test("d/small")))
        layer.add("e/lower", .hardLink(to: .test("from/below")))
        layer.add("e", .opaque)
        layer.add("e/gone", .whiteout)
        layer.add("null", .characterDevice(major: 1, minor: 3))
        return try layer.write().file.bytes()
    }

    private func lower() throws -> TemporaryFile {
        var layer = TestLayer()
        layer.file("from/below", [1])
        return try layer.write().file
    }

    /// Reads and merges whatever it is: both end, well or with a failure.
    private func read(_ bytes: [UInt8], above lower: TemporaryFile) throws {
        let file = try TemporaryFile(bytes)
        do {
            _ = try ErofsReader(files: [file.path]).seen()
        } catch is Failure {}
        do {
            _ = try TestImage(files: [lower, file]).reader().seen()
        } catch is Failure {}
    }

    @Test("an image with any byte changed is refused or is another image, and causes no crash")
    func flipped() throws {
        let (bytes, lower) = (try image(), try lower())
        let interesting = bytes.indices.filter { $0 >= 1024 && (bytes[$0] != 0 || $0 % 64 == 9) }
        #expect(interesting.count > 500)
        for index in interesting {
            var changed = bytes
            changed[index] ^= index % 3 == 0 ? 0xFF : UInt8(1 << (index % 8))
            try read(resealed(changed), above: lower)
        }
    }

    @Test("a truncated image is refused")
    func truncated() throws {
        let (bytes, lower) = (try image(), try lower())
        for count in stride(from: 0, to: bytes.count, by: 1021) {
            let file = try TemporaryFile(Array(bytes.prefix(count)))
            let failure = #expect(throws: Failure.self) { try ErofsReader(files: [file.path]).seen() }
            #expect(failure?.what.contains(file.path) == true)
            try read(resealed(Array(bytes.prefix(count))), above: lower)
        }
    }

    @Test("a changed superblock is detected")
    func superblock() throws {
        let bytes = try image()
        for index in 1024..<1152 {
            var changed = bytes
            changed[index] ^= 0x10
            let file = try TemporaryFile(changed)
            #expect(throws: Failure.self) { try ErofsReader(files: [file.path]) }
        }
    }

    @Test("a directory that is its own child is detected")
    func circle() throws {
        var layer = TestLayer()
        layer.add("a/b/c", .directory)
        var bytes = try layer.write().file.bytes()
        // `c` becomes `a`: both entries are the ones with a name of one byte in a directory of three.
        let nodes = try directoryNodes(bytes)
        let old = littleEndian(nodes.c)
        let new = littleEndian(nodes.a)
        for start in bytes.indices.dropLast(8) where Array(bytes[start..<start + 8]) == old {
            bytes.replaceSubrange(start..<start + 8, with: new)
        }
        let file = try TemporaryFile(resealed(bytes))
        let failure = #expect(throws: Failure.self) { try ErofsReader(files: [file.path]).seen() }
        #expect(failure?.why.contains("two places") == true)
        #expect(throws: Failure.self) { try TestImage(files: [file]) }
    }

    private func directoryNodes(_ bytes: [UInt8]) throws -> (a: UInt64, c: UInt64) {
        var nodes: [String: UInt64] = [:]
        let file = try TemporaryFile(bytes)
        try ErofsReader(files: [file.path]).walk { (entry, _) throws(Failure) in
            nodes[String(decoding: entry.path, as: UTF8.self)] = entry.inodeNumber
        }
        return (nodes["/a"] ?? 0, nodes["/a/b/c"] ?? 0)
    }

    private func littleEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// The superblock's checksum set right, so that what lies behind it is looked at.
    private func resealed(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= 4096 else { return bytes }
        var sealed = bytes
        sealed.replaceSubrange(1028..<1032, with: [0, 0, 0, 0])
        let checksum = CRC32C.continuing(.max, with: sealed[1024..<4096])
        sealed.replaceSubrange(1028..<1032, with: littleEndian(UInt64(checksum)).prefix(4))
        return sealed
    }

    @Test("a file that is not an image is refused by name")
    func strangers() throws {
        for bytes in [[], [1], Array(repeating: 0, count: 8192)] as [[UInt8]] {
            let file = try TemporaryFile(bytes)
            let failure = #expect(throws: Failure.self) { try ErofsReader(files: [file.path]) }
            #expect(failure?.what.contains(file.path) == true)
        }
        #expect(throws: Failure.self) { try ErofsReader(files: ["/no/such/file"]) }
        #expect(throws: Failure.self) { try ErofsReader(files: ["/"]) }
        #expect(throws: Failure.self) { try ErofsReader(files: []) }
    }
}
