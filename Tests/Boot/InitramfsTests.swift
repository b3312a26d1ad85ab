import GuestMemory
import Host
import Testing

@testable import Boot

/// Where the initramfs ends up, and when it does not fit.
@Suite struct InitramfsTests {
    static let policies: [LoadPolicy.Pages] = [.map, .copy]

    @Test(arguments: policies)
    func oneFileLiesAtTheTop(_ pages: LoadPolicy.Pages) throws {
        let files = try Files([noise(10_000)])
        let range = try #require(try files.load(pages))
        #expect(range.byteCount == 10_000)
        #expect(range.start.rawValue == 64 * mebibyte - 0x3000)
        #expect(try files.memory.bytes(at: range.start, count: 10_000) == noise(10_000))
        #expect(
            try files.memory.bytes(at: range.start + 10_000, count: 0x3000 - 10_000).allSatisfy { $0 == 0 })
    }

    @Test(arguments: policies)
    func severalFollowEachOtherAtMultiplesOfFour(_ pages: LoadPolicy.Pages) throws {
        let parts = [noise(5001), noise(9000, seed: 2), noise(3, seed: 3), noise(8192, seed: 4)]
        let files = try Files(parts)
        let range = try #require(try files.load(pages))
        var expected: [UInt8] = []
        for part in parts {
            while expected.count % 4 != 0 { expected.append(0) }
            expected += part
        }
        #expect(range.byteCount == UInt64(expected.count))
        #expect(try files.memory.bytes(at: range.start, count: expected.count) == expected)
    }

    @Test func noneIsNone() throws {
        #expect(try Files([]).load(.map) == nil)
    }

    @Test func theKernelsLimitHolds() throws {
        let files = try Files([noise(10_000)])
        let range = try #require(try files.load(.map, upTo: 0x1FF_FFFF))
        #expect(range.start.rawValue == 0x200_0000 - 0x3000)
    }

    @Test func itLiesBelowTheHole() throws {
        let files = try Files([noise(4096)], memory: 5 << 30)
        let range = try #require(try files.load(.map))
        #expect(range.start.rawValue == 0xC000_0000 - 0x1000)
    }

    @Test func itMayFillWhatTheKernelLeaves() throws {
        let files = try Files([noise(Int(mebibyte))], memory: 3 * mebibyte)
        let range = try #require(try files.load(.map, above: 2 * mebibyte))
        #expect(range.start.rawValue == 2 * mebibyte)
        let failure = try #require(throws: Failure.self) { try files.load(.map, above: 2 * mebibyte + 1) }
        #expect(failure.kind == .badInput)
        #expect(failure.what.hasPrefix("cannot use the initramfs /"))
        #expect(failure.why == "its 1 MiB do not fit: beside the kernel there is room for 0 MiB")
        #expect(failure.cure == "Give the guest more: --memory 128M.")
    }

    @Test func moreMemoryIsNotOfferedWhereItWouldNotHelp() throws {
        let files = try Files([noise(10_000)])
        let failure = try #require(throws: Failure.self) {
            try files.load(.map, above: 2 * mebibyte, upTo: 2 * mebibyte + 10)
        }
        #expect(failure.cure == "Make it smaller, or put the files on a disk.")
    }

    @Test func aMissingFileAndADirectory() throws {
        for (path, why, kind) in [
            ("/nonexistent", "no such file or directory", Failure.Kind.missingInput),
            ("/", "it is a directory", .badInput),
        ] {
            let failure = try #require(throws: Failure.self) { _ = try Initramfs([path]) }
            #expect(failure.kind == kind)
            #expect(failure.what == "cannot use the initramfs \(path)")
            #expect(failure.why == why)
        }
    }

    @Test func anEmptyFile() throws {
        let failure = try #require(throws: Failure.self) { try Files([[]]).load(.map) }
        #expect(failure.kind == .badInput)
        #expect(failure.why == "it is empty")
    }
}

/// Archives, and a memory to load them into.
private struct Files {
    let directory: TemporaryDirectory
    let paths: [String]
    let memory: GuestMemory

    init(_ parts: [[UInt8]], memory byteCount: UInt64 = 64 * mebibyte) throws {
        let directory = try TemporaryDirectory()
        paths = try parts.enumerated().map { try directory.write($1, to: "part\($0)") }
        self.directory = directory
        memory = try GuestMemory(byteCount: byteCount)
    }

    func load(
        _ pages: LoadPolicy.Pages, above floor: UInt64 = mebibyte, upTo limit: UInt64 = .max
    ) throws -> GuestRange? {
        try Initramfs(paths).load(into: memory, above: GuestAddress(floor), upTo: limit, pages)
    }
}
