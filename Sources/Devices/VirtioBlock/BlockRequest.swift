import GuestMemory
import Virtio

/// A block request's header (struct virtio_blk_req, Virtio 1.2, 5.2.6): le32 type, le32 reserved, le64
/// sector. It is copied out of guest memory once.
///
/// The data and the status byte follow in the chain, cut into buffers in any way that the driver chose.
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

    /// The type of the request, or nil for an unknown type.
    let kind: Kind?
    let sector: UInt64
    /// The number of readable bytes after the header.
    let outByteCount: UInt64
    /// The number of writable bytes before the status.
    let inByteCount: UInt64
    /// The address of the status: the last writable byte of the chain.
    let statusAddress: GuestAddress

    /// Reads the header. A chain without a whole header or a byte for the status cannot be answered, so the
    /// driver has violated the specification: throws.
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
