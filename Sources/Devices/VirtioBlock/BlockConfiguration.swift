/// struct virtio_blk_config (Virtio 1.2, 5.2.4), up to the last field that an offered feature uses.
struct BlockConfiguration {
    static let writeBackOffset = 32
    static let byteCount = 60

    /// The limits of a discard: 2 GiB a segment and 16 segments a request. Write zeroes has the same limits.
    static let maximumRangeSectors: UInt32 = 1 << 22
    static let maximumRangeCount: UInt32 = 16

    let sectorCount: UInt64
    let sectors: DiskSectors
    let isWriteBack: Bool

    var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        bytes.set(sectorCount, at: 0)  // capacity
        bytes.set(UInt32(VirtioBlock.queueSize) - 2, at: 12)  // seg_max: all but header and status
        bytes.set(sectors.logicalByteCount, at: 20)  // blk_size
        bytes.set(sectors.physicalExponent, at: 24)  // topology.physical_block_exp
        bytes.set(UInt16(1) << UInt16(sectors.physicalExponent), at: 26)  // topology.min_io_size
        bytes.set(UInt8(isWriteBack ? 1 : 0), at: Self.writeBackOffset)
        bytes.set(UInt16(1), at: 34)  // num_queues
        bytes.set(Self.maximumRangeSectors, at: 36)  // max_discard_sectors
        bytes.set(Self.maximumRangeCount, at: 40)  // max_discard_seg
        let alignment = sectors.physicalByteCount / UInt32(DiskFile.sectorByteCount)
        bytes.set(alignment, at: 44)  // discard_sector_alignment
        bytes.set(Self.maximumRangeSectors, at: 48)  // max_write_zeroes_sectors
        bytes.set(Self.maximumRangeCount, at: 52)  // max_write_zeroes_seg
        bytes.set(UInt8(1), at: 56)  // write_zeroes_may_unmap
        return bytes
    }
}

extension [UInt8] {
    fileprivate mutating func set(_ value: some FixedWidthInteger, at offset: Int) {
        for index in 0..<(value.bitWidth / 8) {
            self[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
        }
    }
}
