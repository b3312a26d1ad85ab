import Devices
import GuestMemory
import TestSupport
import Testing
import Virtio

/// A disk in a temporary file, and its driver.
final class DiskFixture {
    static let byteCount = 4 << 20

    let file: TemporaryFile
    let device: VirtioBlock
    let driver: VirtioDriver

    init(
        readOnly: Bool = false, identifier: String? = "disk-0", without: UInt64 = 0, content: [UInt8]? = nil,
        sector: UInt32? = nil
    ) throws {
        file = try content.map { try TemporaryFile($0) } ?? TemporaryFile(byteCount: Self.byteCount)
        let disk = try DiskFile.open(file.path, readOnly: readOnly, sectorByteCount: sector)
        device = VirtioBlock(disk, identifier: identifier)
        driver = try VirtioDriver(device)
        try driver.start(without: without)
    }

    deinit {
        driver.reset()
    }

    static func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
        // Each block of 4,099 bytes is like the others, but no two sectors are.
        let block = (0..<4099).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 31 &+ $0 >> 3) }
        var bytes: [UInt8] = []
        while bytes.count < count { bytes += block }
        return Array(bytes[..<count])
    }
}

@Suite struct VirtioBlockTests {
    @Test(arguments: [false, true]) func whatIsWrittenIsReadBack(_ indirect: Bool) throws {
        let fixture = try DiskFixture()
        let data = DiskFixture.pattern(64 << 10)
        let written = try fixture.driver.block(BlockDriver.write, sector: 8, out: data, indirect: indirect)
        #expect(written == BlockAnswer(status: BlockDriver.ok, usedByteCount: 1, data: []))
        let read = try fixture.driver.block(
            BlockDriver.read, sector: 8, inByteCount: UInt64(data.count), indirect: indirect)
        #expect(read == BlockAnswer(status: 0, usedByteCount: UInt32(data.count + 1), data: data))
        #expect(try fixture.driver.block(BlockDriver.flush).status == BlockDriver.ok)
        fixture.driver.reset()
        let content = try fixture.file.bytes()
        #expect(Array(content[4096..<4096 + data.count]) == data)
        #expect(content[..<4096].allSatisfy { $0 == 0 })
    }

    @Test func theConfigurationDescribesTheDisk() throws {
        let fixture = try DiskFixture()
        #expect(fixture.driver.configuration(at: 0, byteCount: 8) == UInt64(DiskFixture.byteCount / 512))
        #expect(fixture.driver.configuration(at: 12, byteCount: 4) == 254)
        #expect(fixture.driver.configuration(at: 20, byteCount: 4) == 512)
        #expect(fixture.driver.configuration(at: 32, byteCount: 1) == 1)
        #expect(fixture.driver.configuration(at: 56, byteCount: 1) == 1)
        #expect(fixture.driver.offeredFeatures() & 1 << 5 == 0)
    }

    /// Virtio 1.2, 5.2.4: the capacity and the alignment of discards count 512 bytes whatever the size of a
    /// sector.
    @Test(arguments: [(512, 3), (1024, 2), (2048, 1), (4096, 0)] as [(UInt32, UInt64)])
    func theGuestSeesTheSectorsOfTheDisk(_ sector: UInt32, _ physicalExponent: UInt64) throws {
        let fixture = try DiskFixture(sector: sector)
        #expect(fixture.driver.offeredFeatures() & 1 << 6 != 0)
        #expect(fixture.driver.configuration(at: 0, byteCount: 8) == UInt64(DiskFixture.byteCount / 512))
        #expect(fixture.driver.configuration(at: 20, byteCount: 4) == UInt64(sector))
        #expect(fixture.driver.configuration(at: 24, byteCount: 1) == physicalExponent)
        #expect(fixture.driver.configuration(at: 26, byteCount: 2) == 1 << physicalExponent)
        #expect(fixture.driver.configuration(at: 44, byteCount: 4) == 8)
    }

    @Test(arguments: ["", "data", "exactly-20-bytes-abc", "more-than-20-bytes-abcdef"])
    func theSerialNumberIsTwentyBytes(_ identifier: String) throws {
        let fixture = try DiskFixture(identifier: identifier)
        let answer = try fixture.driver.block(BlockDriver.identify, inByteCount: 20)
        let expected = Array(identifier.utf8.prefix(20))
        #expect(answer.status == BlockDriver.ok)
        #expect(answer.usedByteCount == 21)
        #expect(answer.data == expected + [UInt8](repeating: 0, count: 20 - expected.count))
    }

    /// The header and the status are cut anywhere (2.7.4.1: framing is the driver's).
    @Test(arguments: [[16], [1, 15], [8, 8], [15, 1], [4, 4, 4, 4], [0, 7, 0, 9]] as [[Int]])
    func theHeaderMayBeCutAnywhere(_ cuts: [Int]) throws {
        let fixture = try DiskFixture(content: DiskFixture.pattern(8192))
        var header = BlockDriver.header(BlockDriver.read, sector: 1)[...]
        var buffers: [DriverBuffer] = []
        for cut in cuts {
            buffers.append(.readable(try fixture.driver.memory.allocate(Array(header.prefix(cut)))))
            header = header.dropFirst(cut)
        }
        // Data and status in buffers that do not end where they do.
        let (first, second) = (fixture.driver.memory.allocate(100), fixture.driver.memory.allocate(413))
        let used = try fixture.driver.request(buffers + [.writable(first), .writable(second)])
        #expect(used == 513)
        let got = try fixture.driver.memory.bytes(first) + fixture.driver.memory.bytes(second)
        #expect(Array(got.prefix(512)) == Array(DiskFixture.pattern(8192)[512..<1024]))
        #expect(got[512] == BlockDriver.ok)
    }

    @Test func headerAndDataMayShareABuffer() throws {
        let fixture = try DiskFixture()
        let data = DiskFixture.pattern(1024)
        let out = try fixture.driver.memory.allocate(BlockDriver.header(BlockDriver.write, sector: 2) + data)
        let status = fixture.driver.memory.allocate(1)
        _ = try fixture.driver.request([.readable(out), .writable(status)])
        #expect(try fixture.driver.memory.bytes(status) == [BlockDriver.ok])
        #expect(try Array(fixture.file.bytes()[1024..<2048]) == data)
    }

    /// The device answers each of them with a status and leaves the disk unchanged.
    @Test(
        arguments: [
            (BlockDriver.read, UInt64(8192), 512, BlockDriver.ioError),
            (BlockDriver.read, 8191, 1024, BlockDriver.ioError),
            (BlockDriver.read, .max, 512, BlockDriver.ioError),
            (BlockDriver.read, 1 << 55, 512, BlockDriver.ioError),
            (BlockDriver.read, 0, 511, BlockDriver.ioError),
            (BlockDriver.read, 0, 513, BlockDriver.ioError),
            (BlockDriver.read, 8192, 0, BlockDriver.ok),
            (BlockDriver.write, 8192, 512, BlockDriver.ioError),
            (BlockDriver.write, 8191, 1024, BlockDriver.ioError),
            (BlockDriver.write, .max, 512, BlockDriver.ioError),
            (BlockDriver.write, .max - 1, 1024, BlockDriver.ioError),
            (BlockDriver.write, 0, 100, BlockDriver.ioError),
            (BlockDriver.identify, 0, 19, BlockDriver.ioError),
            (2, 0, 512, BlockDriver.unsupported),
            (9, 0, 512, BlockDriver.unsupported),
            (14, 0, 512, BlockDriver.unsupported),
            (.max, 0, 512, BlockDriver.unsupported),
        ])
    func badRequestsAreAnswered(_ type: UInt32, _ sector: UInt64, _ byteCount: Int, _ status: UInt8) throws {
        let fixture = try DiskFixture()
        let isOut = type == BlockDriver.write
        let answer = try fixture.driver.block(
            type, sector: sector, out: isOut ? [UInt8](repeating: 0xAA, count: byteCount) : [],
            inByteCount: isOut ? 0 : UInt64(byteCount))
        #expect(answer.status == status)
        #expect(answer.data.allSatisfy { $0 == 0 })
        #expect(fixture.device.counters.errorCount == (status == BlockDriver.ok ? 0 : 1))
        #expect(try fixture.file.bytes() == [UInt8](repeating: 0, count: DiskFixture.byteCount))
        #expect(try fixture.driver.block(BlockDriver.read, inByteCount: 512).status == BlockDriver.ok)
    }

    @Test func aReadOnlyDiskStaysAsItIs() throws {
        let content = DiskFixture.pattern(8192)
        let fixture = try DiskFixture(readOnly: true, content: content)
        #expect(fixture.driver.offeredFeatures() & 1 << 5 != 0)
        #expect(fixture.driver.offeredFeatures() & (1 << 11 | 1 << 13 | 1 << 14) == 0)
        let range = BlockDriver.range(sector: 0, count: 8)
        let zeroes = [UInt8](repeating: 0, count: 512)
        #expect(try fixture.driver.block(BlockDriver.write, out: zeroes).status == BlockDriver.ioError)
        #expect(try fixture.driver.block(BlockDriver.discard, out: range).status == BlockDriver.unsupported)
        #expect(
            try fixture.driver.block(BlockDriver.writeZeroes, out: range).status == BlockDriver.unsupported)
        #expect(try fixture.driver.block(BlockDriver.flush).status == BlockDriver.ok)
        #expect(try fixture.driver.block(BlockDriver.read, inByteCount: 8192).data == content)
        #expect(try fixture.file.bytes() == content)
    }

    @Test func aDiskThatShrinksIsAnError() throws {
        let fixture = try DiskFixture()
        try fixture.file.resize(to: 4096)
        #expect(
            try fixture.driver.block(BlockDriver.read, sector: 8, inByteCount: 512).status
                == BlockDriver.ioError)
        #expect(
            try fixture.driver.block(BlockDriver.read, sector: 7, inByteCount: 1024).status
                == BlockDriver.ioError)
        #expect(
            try fixture.driver.block(BlockDriver.read, sector: 7, inByteCount: 512).status == BlockDriver.ok)
    }

    @Test(arguments: [1 << 9, 0] as [UInt64]) func withoutFlushWritesAreStillWritten(_ without: UInt64) throws
    {
        let fixture = try DiskFixture(without: without)
        let data = DiskFixture.pattern(4096)
        #expect(try fixture.driver.block(BlockDriver.write, out: data).status == BlockDriver.ok)
        #expect(try Array(fixture.file.bytes().prefix(4096)) == data)
    }

    @Test func theDriverMayTurnTheCacheOff() throws {
        let fixture = try DiskFixture()
        fixture.driver.window.write(0, at: 0x100 + 32, byteCount: 1)
        #expect(fixture.driver.configuration(at: 32, byteCount: 1) == 0)
        let data = DiskFixture.pattern(4096)
        #expect(try fixture.driver.block(BlockDriver.write, out: data).status == BlockDriver.ok)
        #expect(try Array(fixture.file.bytes().prefix(4096)) == data)
        fixture.driver.reset()
        #expect(fixture.driver.configuration(at: 32, byteCount: 1) == 1)
    }

    @Test func aFullQueueOfRequestsIsServed() throws {
        let content = DiskFixture.pattern(DiskFixture.byteCount)
        let fixture = try DiskFixture(content: content)
        var data: [UInt16: (GuestRange, GuestRange, Int)] = [:]
        for index in 0..<256 {
            let sector = index * 37 % 8000
            let buffer = fixture.driver.memory.allocate(4096)
            let status = try fixture.driver.memory.allocate([9])
            let header = try fixture.driver.memory.allocate(
                BlockDriver.header(BlockDriver.read, sector: UInt64(sector)))
            let head = try fixture.driver.queues[0].add(
                [.readable(header), .writable(buffer), .writable(status)], indirect: true)
            data[head] = (buffer, status, sector)
        }
        fixture.driver.ring(0)
        for _ in 0..<256 {
            let entry = try fixture.driver.waitForUsed(0)
            let given = data.removeValue(forKey: UInt16(entry.head))
            let found = try #require(given)
            #expect(try fixture.driver.memory.bytes(found.1) == [0])
            #expect(
                try fixture.driver.memory.bytes(found.0)
                    == Array(content[found.2 * 512..<found.2 * 512 + 4096])
            )
        }
        #expect(fixture.device.counters.requestCount == 256)
    }

    @Test func aResetWithRequestsInFlightLeavesMemoryAlone() throws {
        for round in 0..<20 {
            let fixture = try DiskFixture(content: DiskFixture.pattern(1 << 20))
            let buffer = fixture.driver.memory.allocate(1 << 20)
            let status = fixture.driver.memory.allocate(1)
            for type in [BlockDriver.read, BlockDriver.flush, BlockDriver.read, BlockDriver.flush] {
                let header = try fixture.driver.memory.allocate(BlockDriver.header(type, sector: 0))
                let data: [DriverBuffer] = type == BlockDriver.read ? [.writable(buffer)] : []
                try fixture.driver.queues[0].add([.readable(header)] + data + [.writable(status)])
            }
            fixture.driver.ring(0)
            let queue = fixture.driver.queues[0]
            fixture.driver.reset()
            // From here on the device must not touch the buffers.
            try fixture.driver.memory.memory.zero(buffer)
            let used = try queue.usedIndex()
            try fixture.driver.start()
            #expect(try fixture.driver.block(BlockDriver.flush).status == BlockDriver.ok, "round \(round)")
            #expect(try queue.usedIndex() == used)
            #expect(try fixture.driver.memory.bytes(buffer) == [UInt8](repeating: 0, count: 1 << 20))
        }
    }
}
