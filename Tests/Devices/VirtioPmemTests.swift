import Foundation
import GuestMemory
import Host
import TestSupport
import Testing
import Virtio

@testable import Devices

@Suite struct VirtioPmemTests {
    private static let start = GuestAddress(0x1_4000_0000)
    private let loop: TestLoop
    private let device: VirtioPmem
    private let driver: VirtioDriver

    init() throws {
        let file = try TemporaryFile(byteCount: 10_000)
        loop = try TestLoop()
        device = VirtioPmem(try PmemFiles([file.path]), at: Self.start, loop: loop.loop)
        driver = try VirtioDriver(device)
        try driver.start()
    }

    @Test func itsPlaceIsInTheConfiguration() {
        #expect(driver.read(.deviceID) == 27)
        #expect(driver.configuration(at: 0, byteCount: 8) == Self.start.rawValue)
        #expect(driver.configuration(at: 8, byteCount: 8) == 2 << 20)
        #expect(driver.configuration(at: 16, byteCount: 8) == 0)
        #expect(driver.queues.count == 1)
        driver.reset()
    }

    @Test(arguments: [(UInt8(0), UInt8(0)), (1, 1), (255, 1)], [false, true])
    func aFlushIsAnsweredAtOnce(_ pair: (type: UInt8, answer: UInt8), _ indirect: Bool) throws {
        let request = try driver.memory.allocate([pair.type, 0, 0, 0])
        let response = try driver.memory.allocate([9, 9, 9, 9])
        #expect(try driver.request([.readable(request), .writable(response)], indirect: indirect) == 4)
        #expect(try driver.memory.bytes(response) == [pair.answer, 0, 0, 0])
        #expect(device.counters.errorCount == UInt64(pair.answer))
        driver.reset()
    }

    @Test func buffersMayBeCutAnywhere() throws {
        let request = try (0..<4).map { _ in DriverBuffer.readable(try driver.memory.allocate([0])) }
        let response = try (0..<3).map { _ in try driver.memory.allocate([9, 9]) }
        let buffers = request + response.map(DriverBuffer.writable)
        #expect(try driver.request(buffers, indirect: true) == 4)
        #expect(try response.flatMap { try driver.memory.bytes($0) } == [0, 0, 0, 0, 9, 9])
        driver.reset()
    }

    @Test func aFullQueueIsServed() throws {
        for _ in 0..<4 {
            let request = try driver.memory.allocate([0, 0, 0, 0])
            try driver.queues[0].add([.readable(request), .writable(driver.memory.allocate(4))])
        }
        driver.ring(0)
        for _ in 0..<4 { #expect(try driver.waitForUsed(0).byteCount == 4) }
        #expect(driver.line.count == 1)
        driver.reset()
    }
}

@Suite struct PmemFilesTests {
    private func bytes(_ files: PmemFiles, _ range: Range<Int>) -> [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: files.memory.base, count: files.byteCount)[range])
    }

    @Test func filesLieOneAfterAnotherAndThePaddingIsZero() throws {
        let contents = [5000, 4096, 1].enumerated().map { index, count in
            [UInt8](repeating: UInt8(index + 1), count: count)
        }
        let sources = try contents.map { try TemporaryFile($0) }
        let files = try PmemFiles(sources.map(\.path))
        #expect(files.byteCount == 2 << 20)
        #expect(unsafe Int(bitPattern: files.memory.base) % (2 << 20) == 0)
        #expect(bytes(files, 0..<5000) == contents[0])
        #expect(bytes(files, 5000..<8192).allSatisfy { $0 == 0 })
        #expect(bytes(files, 8192..<12288) == contents[1])
        #expect(bytes(files, 12288..<12289) == contents[2])
        #expect(bytes(files, 12289..<(2 << 20)).allSatisfy { $0 == 0 })
    }

    @Test(arguments: [1, 4096, 2 << 20, (2 << 20) + 1, 5 << 20]) func theWholeIsPadded(_ byteCount: Int)
        throws
    {
        let source = try TemporaryFile(byteCount: byteCount)
        let files = try PmemFiles([source.path])
        #expect(files.byteCount == (byteCount + (2 << 20) - 1) / (2 << 20) * (2 << 20))
        #expect(bytes(files, (files.byteCount - 1)..<files.byteCount) == [0])
    }

    @Test func itIsThePageCacheItself() throws {
        let source = try TemporaryFile([1, 2, 3])
        let files = try PmemFiles([source.path])
        let handle = try FileHandle(forWritingTo: URL(filePath: source.path))
        try handle.write(contentsOf: Data([9]))
        #expect(bytes(files, 0..<3) == [9, 2, 3])
    }

    @Test func theSameFileMayComeTwice() throws {
        let source = try TemporaryFile([7])
        let files = try PmemFiles([source.path, source.path])
        #expect(bytes(files, 0..<1) + bytes(files, 4096..<4097) == [7, 7])
    }

    @Test func aFileThatIsCutOffIsNamed() throws {
        let sources = try (0..<2).map { _ in try TemporaryFile(byteCount: 10_000) }
        let files = try PmemFiles(sources.map(\.path))
        #expect(files.shortened() == nil)
        try sources[1].resize(to: 20_000)
        #expect(files.shortened() == nil)
        try sources[1].resize(to: 9_999)
        let failure = try #require(files.shortened())
        #expect(failure.kind == .badInput)
        #expect(failure.what.contains(sources[1].path))
    }

    @Test func whatCannotBeMappedIsRefused() throws {
        let empty = try TemporaryFile()
        let good = try TemporaryFile([1])
        let cases: [(path: String, kind: Failure.Kind, why: String)] = [
            ("/nowhere/layer", .missingInput, "no such file"), (empty.path, .badInput, "empty"),
            ("/", .badInput, "is a directory"), ("/dev/null", .badInput, "not a regular file"),
            (good.path + "/below", .missingInput, "not a directory"),
        ]
        for (path, kind, why) in cases {
            let failure = try #require(throws: Failure.self) { _ = try PmemFiles([good.path, path]) }
            #expect(failure.kind == kind)
            #expect(failure.description.contains(path))
            #expect(failure.why.lowercased().contains(why), "\(failure)")
        }
    }

    @Test func moreThanAnyCPUCanAddressIsRefused() throws {
        let huge = try TemporaryFile()
        // The file system may have its own limit below ours; both are failures and no crash.
        guard (try? huge.resize(to: 1 << 43)) != nil else { return }
        #expect(throws: Failure.self) { _ = try PmemFiles([String](repeating: huge.path, count: 513)) }
    }
}
