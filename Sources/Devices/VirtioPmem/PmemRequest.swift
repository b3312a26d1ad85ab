import GuestMemory
import Virtio

/// A request of a persistent memory device: struct virtio_pmem_req, le32 type (Virtio 1.2, 5.19.6). It is
/// copied out of guest memory once.
struct PmemRequest {
    /// VIRTIO_PMEM_REQ_TYPE_FLUSH.
    private static let flush: UInt32 = 0
    /// VIRTIO_PMEM_RESP_TYPE_OK and VIRTIO_PMEM_RESP_TYPE_EIO (5.19.6.1).
    private static let (ok, ioError): (UInt8, UInt8) = (0, 1)

    private let type: UInt32
    private let room: ArraySlice<GuestRange>

    init(_ chain: DescriptorChain, in memory: GuestMemory) throws(VirtqueueError) {
        guard chain.readableByteCount >= 4 else {
            throw .badRequest("a persistent memory request without a type")
        }
        type = UInt32(truncatingIfNeeded: try chain.readable.word(at: 0, in: memory))
        room = chain.writable
    }

    /// Whether the device can carry out the request. There is never anything to flush.
    var isFlush: Bool { type == Self.flush }

    /// Writes the response, struct virtio_pmem_resp (le32 ret); returns the number of bytes.
    func answer(in memory: GuestMemory) throws(VirtqueueError) -> UInt32 {
        let response: [UInt8] = [isFlush ? Self.ok : Self.ioError, 0, 0, 0]
        guard try room.scatter(response[...], in: memory) == response.count else {
            throw .badRequest("a persistent memory request without room for the answer")
        }
        return UInt32(response.count)
    }
}
