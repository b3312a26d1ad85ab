import GuestMemory
import Virtio

/// A block request's header (struct virtio_blk_req, Virtio 1.2, 5.2.6): le32 type, le32 reserved, le64 sector; copied
/// out once. The data and the status byte lie in the chain behind it, cut into buffers as the driver liked.
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
    enum Status: UInt8, Sendable {
        case ok = 0
        case ioError = 1
        case unsupported = 2
    }

    /// nil for a type that we do not know.
    let kind: Kind?
    let sector: UInt64
    /// The readable bytes after the header.
    let outByteCount: UInt64
    /// The writable bytes before the status.
    let inByteCount: UInt64
    /// The last writable byte of the chain.
    let statusAddress: GuestAddress

    /// Without a whole header, or a byte for the status, there is no request that could be answered: the driver broke
    /// the rules.
    init(_ chain: borrowing DescriptorChain, in memory: GuestMemory) throws(VirtqueueError) {
        let readableCount = chain.readableByteCount
        let writableCount = chain.writableByteCount
        guard readableCount >= Self.headerByteCount else { throw .badRequest("a short block header") }
        guard let last = chain.writable.last(where: { $0.byteCount > 0 }),
            let status = last.start.advanced(by: last.byteCount &- 1)
        else { throw .badRequest("a block request without a status byte") }
        let type: UInt64 = try chain.readable.word(at: 0, in: memory)
        kind = Kind(rawValue: UInt32(truncatingIfNeeded: type))
        sector = try chain.readable.word(at: 8, in: memory)
        outByteCount = readableCount &- Self.headerByteCount
        inByteCount = writableCount &- 1
        statusAddress = status
    }
}
