import GuestMemory
import Virtio

/// A checked struct virtio_blk_discard_write_zeroes (Virtio 1.2, 5.2.6): le64 sector, le32 num_sectors, le32
/// flags.
struct BlockRange: Sendable {
    static let byteCount: UInt64 = 16
    private static let unmapFlag: UInt32 = 1

    let offset: UInt64
    let length: UInt64
    let mayUnmap: Bool

    /// Reads all ranges of a discard or write zeroes request. Returns a status instead if the device must not
    /// carry out one of them; it then carries out none.
    static func all(
        of request: BlockRequest, _ chain: DescriptorChain, on disk: DiskFile, in memory: GuestMemory
    ) throws(VirtqueueError) -> Result<[BlockRange], BlockRequest.Failed> {
        let count = request.outByteCount / byteCount
        guard request.outByteCount % byteCount == 0, count > 0,
            count <= UInt64(BlockConfiguration.maximumRangeCount)
        else { return .failure(.ioError) }
        var ranges: [BlockRange] = []
        for index in 0..<count {
            let at = BlockRequest.headerByteCount &+ byteCount &* index
            let sector = try chain.readable.word(at: at, in: memory)
            let rest = try chain.readable.word(at: at &+ 8, in: memory)
            switch parse(request.kind, sector, rest, on: disk) {
            case .success(let range): ranges.append(range)
            case .failure(let status): return .failure(status)
            }
        }
        return .success(ranges)
    }

    private static func parse(
        _ kind: BlockRequest.Kind?, _ sector: UInt64, _ rest: UInt64, on disk: DiskFile
    ) -> Result<BlockRange, BlockRequest.Failed> {
        let flags = UInt32(truncatingIfNeeded: rest >> 32)
        let sectors = rest & 0xFFFF_FFFF
        // Unknown flags, and "unmap" on a discard, are "unsupported" (5.2.6.2).
        guard flags & ~(kind == .writeZeroes ? unmapFlag : 0) == 0 else { return .failure(.unsupported) }
        guard sectors <= BlockConfiguration.maximumRangeSectors,
            let offset = disk.offset(ofSector: sector, byteCount: sectors &* DiskFile.sectorByteCount)
        else { return .failure(.ioError) }
        return .success(
            BlockRange(
                offset: offset, length: sectors &* DiskFile.sectorByteCount, mayUnmap: flags & unmapFlag != 0)
        )
    }
}

extension DiskFile {
    /// Returns the file offset of `byteCount` bytes from `sector` on; nil unless they are whole sectors of
    /// the disk.
    func offset(ofSector sector: UInt64, byteCount: UInt64) -> UInt64? {
        let sectors = byteCount / Self.sectorByteCount
        guard byteCount % Self.sectorByteCount == 0, sector <= sectorCount, sectors <= sectorCount &- sector
        else { return nil }
        return sector &* Self.sectorByteCount
    }
}

extension BlockRequest {
    /// A status other than "ok".
    enum Failed: Error, Hashable {
        case ioError, unsupported

        var status: Status {
            switch self {
            case .ioError: .ioError
            case .unsupported: .unsupported
            }
        }
    }
}
