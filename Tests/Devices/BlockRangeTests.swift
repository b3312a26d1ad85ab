import Devices
import TestSupport
import Testing

/// Discard and write zeroes (Virtio 1.2, 5.2.6.2).
@Suite struct BlockRangeTests {
    @Test func aDiscardGivesStorageBack() throws {
        let fixture = try DiskFixture(content: DiskFixture.pattern(DiskFixture.byteCount))
        let before = try fixture.file.allocatedByteCount()
        let answer = try fixture.driver.block(
            BlockDriver.discard, out: BlockDriver.range(sector: 2048, count: 4096))
        #expect(answer.status == BlockDriver.ok)
        #expect(try fixture.file.allocatedByteCount() <= before - (2 << 20))
        #expect(try fixture.file.bytes().count == DiskFixture.byteCount)
    }

    @Test(arguments: [UInt32(0), 1]) func zeroesAreWritten(_ flags: UInt32) throws {
        let content = DiskFixture.pattern(1 << 20)
        let fixture = try DiskFixture(content: content)
        let ranges =
            BlockDriver.range(sector: 1, count: 3, flags: flags)
            + BlockDriver.range(sector: 100, count: 50, flags: flags)
        #expect(try fixture.driver.block(BlockDriver.writeZeroes, out: ranges).status == BlockDriver.ok)
        var expected = content
        for range in [512..<2048, 51200..<76800] {
            expected.replaceSubrange(range, with: [UInt8](repeating: 0, count: range.count))
        }
        #expect(try fixture.file.bytes() == expected)
    }

    @Test func sixteenRangesAreTheMost() throws {
        let fixture = try DiskFixture()
        let range = BlockDriver.range(sector: 0, count: 8)
        for (count, status) in [(16, BlockDriver.ok), (17, BlockDriver.ioError)] {
            let ranges = Array(repeatElement(range, count: count).joined())
            #expect(try fixture.driver.block(BlockDriver.discard, out: ranges).status == status)
        }
    }

    /// One bad range: nothing of the request is carried out.
    @Test(
        arguments: [
            (BlockDriver.discard, BlockDriver.range(sector: 8192, count: 1), BlockDriver.ioError),
            (BlockDriver.discard, BlockDriver.range(sector: 8191, count: 2), BlockDriver.ioError),
            (BlockDriver.discard, BlockDriver.range(sector: .max, count: .max), BlockDriver.ioError),
            (BlockDriver.discard, BlockDriver.range(sector: 0, count: .max), BlockDriver.ioError),
            (BlockDriver.discard, BlockDriver.range(sector: 0, count: 8, flags: 1), BlockDriver.unsupported),
            (BlockDriver.discard, BlockDriver.range(sector: 0, count: 8, flags: 2), BlockDriver.unsupported),
            (
                BlockDriver.writeZeroes, BlockDriver.range(sector: 0, count: 8, flags: 2),
                BlockDriver.unsupported
            ),
            (
                BlockDriver.writeZeroes, BlockDriver.range(sector: 0, count: 8, flags: .max),
                BlockDriver.unsupported
            ),
            (BlockDriver.writeZeroes, BlockDriver.range(sector: 8190, count: 3), BlockDriver.ioError),
            (BlockDriver.discard, [UInt8](repeating: 0, count: 15), BlockDriver.ioError),
            (BlockDriver.discard, [UInt8](repeating: 0, count: 17), BlockDriver.ioError),
            (BlockDriver.discard, [], BlockDriver.ioError),
        ])
    func badRangesAreAnswered(_ type: UInt32, _ ranges: [UInt8], _ status: UInt8) throws {
        let content = DiskFixture.pattern(DiskFixture.byteCount)
        let fixture = try DiskFixture(content: content)
        let good = BlockDriver.range(sector: 0, count: 8)
        #expect(try fixture.driver.block(type, out: ranges).status == status)
        if ranges.count % 16 == 0, !ranges.isEmpty {
            #expect(try fixture.driver.block(type, out: good + ranges).status == status)
        }
        #expect(try fixture.file.bytes() == content)
    }

    @Test func withoutTheFeatureTheyAreUnsupported() throws {
        let fixture = try DiskFixture(without: 1 << 13 | 1 << 14)
        let range = BlockDriver.range(sector: 0, count: 8)
        for type in [BlockDriver.discard, BlockDriver.writeZeroes] {
            #expect(try fixture.driver.block(type, out: range).status == BlockDriver.unsupported)
        }
    }
}
