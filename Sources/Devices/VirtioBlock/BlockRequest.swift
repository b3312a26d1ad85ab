import GuestMemory
import Synchronization
import Virtio

/// A block request (struct virtio_blk_req, Virtio 1.2, 5.2.6): le32 type, le32 reserved, le64 sector, the
/// data and a status byte, which the driver may cut into buffers in any way. The header is copied out of
/// guest memory once.
///
/// A request is parsed out of its chain and submitted to the disk, which gives a `BlockCompletion`.
struct BlockRequest: Sendable {
    static let headerByteCount: UInt64 = 16

    /// VIRTIO_BLK_T_*.
    enum Kind: UInt32, Sendable {
        case read = 0
        case write = 1
        case flush = 4
        case identify = 8
        case discard = 11
        case writeZeroes = 13
    }

    /// VIRTIO_BLK_S_*.
    enum Status: UInt8, Error, Sendable {
        case ok = 0
        case ioError = 1
        case unsupported = 2
    }

    /// The type of the request, or nil for an unknown type.
    let kind: Kind?
    let sector: UInt64
    /// The head of the request's chain.
    let head: UInt16
    /// The number of readable bytes after the header.
    let outByteCount: UInt64
    /// The number of writable bytes before the status.
    let inByteCount: UInt64
    /// The address of the status: the last writable byte of the chain.
    let statusAddress: GuestAddress
    /// The number of bytes that were transferred before the request had to wait for the disk.
    private var doneByteCount: UInt64 = 0

    /// Parses the header. A chain without a whole header or a byte for the status cannot be answered, so the
    /// driver has violated the specification: throws.
    init(parsing chain: borrowing DescriptorChain, in memory: GuestMemory) throws(VirtqueueError) {
        let readableCount = chain.readableByteCount
        let writableCount = chain.writableByteCount
        guard readableCount >= Self.headerByteCount else { throw .badRequest("a short block header") }
        guard let last = chain.writable.last(where: { $0.byteCount > 0 }),
            let status = last.start.advanced(by: last.byteCount &- 1)
        else { throw .badRequest("a block request without a status byte") }
        let type: UInt64 = try chain.readable.word(at: 0, in: memory)
        kind = Kind(rawValue: UInt32(truncatingIfNeeded: type))
        sector = try chain.readable.word(at: 8, in: memory)
        head = chain.head
        outByteCount = readableCount &- Self.headerByteCount
        inByteCount = writableCount &- 1
        statusAddress = status
    }
}

/// The result of a request.
struct BlockCompletion: Sendable {
    static let ioError = BlockCompletion(status: .ioError)

    let status: BlockRequest.Status
    var byteCountToGuest: UInt64 = 0
    var byteCountFromGuest: UInt64 = 0

    /// The used length: the data from the chain's first writable byte on, and the status if the data reach up
    /// to it (2.7.8.2).
    var usedByteCount: UInt32 {
        UInt32(clamping: byteCountToGuest &+ (status == .ok || byteCountToGuest > 0 ? 1 : 0))
    }
}

/// Submits a request to the disk of `queues` (5.2.6).
extension BlockRequest {
    /// Submits the request without waiting for the host's disk. Returns nil if the disk would have to wait:
    /// `submitAndWait` then goes on where this stopped.
    mutating func submit(
        _ chain: borrowing DescriptorChain, to queues: BlockQueues, _ vectors: inout IOVectors
    ) throws(VirtqueueError) -> BlockCompletion? {
        switch kind {
        case .read: try read(chain, queues, &vectors, waiting: false)
        case .write where queues.disk.isReadOnly: .ioError
        case .write where !queues.writesThrough.load(ordering: .acquiring):
            try write(chain, queues, &vectors, durably: false)
        case .identify: try identify(chain, queues)
        case .discard where !queues.features.contains(VirtioBlock.discard),
            .writeZeroes where !queues.features.contains(VirtioBlock.writeZeroes), nil:
            BlockCompletion(status: .unsupported)
        case .write, .flush, .discard, .writeZeroes: nil
        }
    }

    /// Submits what `submit` has left of the request, and waits for the host's disk.
    mutating func submitAndWait(
        _ chain: borrowing DescriptorChain, to queues: BlockQueues, _ vectors: inout IOVectors
    ) throws(VirtqueueError) -> BlockCompletion {
        switch kind {
        case .read: try read(chain, queues, &vectors, waiting: true) ?? .ioError
        case .write: try write(chain, queues, &vectors, durably: true)
        case .flush: queues.disk.flush() ? BlockCompletion(status: .ok) : .ioError
        case .discard, .writeZeroes: try changeRanges(chain, queues)
        case .identify, nil: BlockCompletion(status: .unsupported)
        }
    }

    private mutating func read(
        _ chain: borrowing DescriptorChain, _ queues: BlockQueues, _ vectors: inout IOVectors, waiting: Bool
    ) throws(VirtqueueError) -> BlockCompletion? {
        guard let offset = queues.disk.offset(ofSector: sector, byteCount: inByteCount) else {
            return .ioError
        }
        try vectors.fill(
            chain.writable, from: doneByteCount, byteCount: inByteCount &- doneByteCount, in: queues.memory)
        let outcome = queues.disk.read(
            &vectors, at: offset &+ doneByteCount, waiting: waiting, continues: { queues.continues })
        switch outcome {
        case .done: return BlockCompletion(status: .ok, byteCountToGuest: inByteCount)
        case .wouldWait where !waiting:
            doneByteCount = inByteCount &- vectors.byteCount
            return nil
        case .failed, .wouldWait: return .ioError
        }
    }

    private func write(
        _ chain: borrowing DescriptorChain, _ queues: BlockQueues, _ vectors: inout IOVectors, durably: Bool
    ) throws(VirtqueueError) -> BlockCompletion {
        guard let offset = queues.disk.offset(ofSector: sector, byteCount: outByteCount) else {
            return .ioError
        }
        try vectors.fill(
            chain.readable, from: Self.headerByteCount, byteCount: outByteCount, in: queues.memory)
        let outcome = queues.disk.write(
            &vectors, at: offset, durably: durably, continues: { queues.continues })
        guard outcome == .done else { return .ioError }
        return BlockCompletion(status: .ok, byteCountFromGuest: outByteCount)
    }

    /// Carries out VIRTIO_BLK_T_GET_ID: 20 bytes, padded with zeroes.
    private func identify(
        _ chain: borrowing DescriptorChain, _ queues: BlockQueues
    ) throws(VirtqueueError) -> BlockCompletion {
        let byteCount = VirtioBlock.identifierByteCount
        guard inByteCount >= UInt64(byteCount) else { return .ioError }
        let padding = [UInt8](repeating: 0, count: byteCount - queues.identifier.count)
        let written = try chain.writable.scatter((queues.identifier + padding)[...], in: queues.memory)
        return BlockCompletion(status: .ok, byteCountToGuest: UInt64(written))
    }

    private func changeRanges(
        _ chain: borrowing DescriptorChain, _ queues: BlockQueues
    ) throws(VirtqueueError) -> BlockCompletion {
        switch try BlockRange.all(of: self, chain, on: queues.disk, in: queues.memory) {
        case .failure(let status): return BlockCompletion(status: status)
        case .success(let ranges):
            for range in ranges where range.length > 0 {
                switch change(range, queues) {
                case .done: break
                case .unsupported: return BlockCompletion(status: .unsupported)
                case .failed: return .ioError
                }
            }
            return BlockCompletion(status: .ok)
        }
    }

    private func change(_ range: BlockRange, _ queues: BlockQueues) -> DiskFile.HoleOutcome {
        if kind == .discard { return queues.disk.discard(at: range.offset, byteCount: range.length) }
        return queues.disk.writeZeroes(
            at: range.offset, byteCount: range.length, mayUnmap: range.mayUnmap,
            continues: { queues.continues })
    }
}

/// A checked struct virtio_blk_discard_write_zeroes (Virtio 1.2, 5.2.6): le64 sector, le32 num_sectors, le32
/// flags.
struct BlockRange: Sendable {
    static let byteCount: UInt64 = 16
    private static let unmapFlag: UInt32 = 1

    let offset: UInt64
    let length: UInt64
    let mayUnmap: Bool

    /// Parses all ranges of a discard or write zeroes request. Returns a status instead if the device must
    /// not carry out one of them; it then carries out none.
    static func all(
        of request: BlockRequest, _ chain: borrowing DescriptorChain, on disk: DiskFile,
        in memory: GuestMemory
    ) throws(VirtqueueError) -> Result<[BlockRange], BlockRequest.Status> {
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
    ) -> Result<BlockRange, BlockRequest.Status> {
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
