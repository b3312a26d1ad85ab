import GuestMemory
import Virtio

/// A request of a persistent memory device: struct virtio_pmem_req, le32 type (Virtio 1.2, 5.19.6). It is
/// copied out of guest memory once.
struct PmemRequest {
    /// VIRTIO_PMEM_REQ_TYPE_FLUSH.
    private static let flush: UInt32 = 0
    /// VIRTIO_PMEM_RESP_TYPE_OK and VIRTIO_PMEM_RESP_TYPE_EIO (5.19.6.1).
    private static let (ok, ioError): (UInt32, UInt32) = (0, 1)

    private let type: UInt32

    /// Reads the request in the queue's chain.
    init(_ queue: borrowing ServedQueue) throws(VirtqueueError) {
        guard queue.chain.readableByteCount >= 4 else {
            throw .badRequest("a persistent memory request without a type")
        }
        type = UInt32(truncatingIfNeeded: try queue.chain.readable.word(at: 0, in: queue.memory))
    }

    /// Whether the device can carry out the request. There is never anything to flush.
    var isFlush: Bool { type == Self.flush }

    /// Writes the response to the queue's chain: struct virtio_pmem_resp (le32 ret). Returns the number of
    /// bytes.
    func answer(_ queue: borrowing ServedQueue) throws(VirtqueueError) -> UInt32 {
        guard try queue.chain.writable.store(isFlush ? Self.ok : Self.ioError, in: queue.memory) else {
            throw .badRequest("a persistent memory request without room for the answer")
        }
        return 4
    }
}
