import CHost
import GuestMemory
import Host
import SystemPackage
import Virtio

/// A request of an entropy device: buffers to fill with random bytes (Virtio 1.2, 5.4.6).
struct RngRequest {
    /// The largest number of bytes for one request. The used length reports the number to the driver.
    static let byteLimit: UInt64 = 64 << 10

    private let buffers: [GuestRange]

    /// Makes the request of `chain`. The driver must not put a device-readable buffer in the queue, and gets
    /// at least one byte (5.4.6.1).
    init(_ chain: DescriptorChain) throws(VirtqueueError) {
        guard chain.readableCount == 0 else { throw .badRequest("a readable buffer on the entropy queue") }
        guard chain.writableByteCount > 0 else { throw .badRequest("an entropy request without room") }
        buffers = chain.buffers
    }

    /// Fills the buffers with random bytes; returns their number.
    func fill(in memory: GuestMemory) throws(VirtqueueError) -> UInt32 {
        var done: UInt64 = 0
        while done < Self.byteLimit,
            let piece = buffers.piece(at: done, limit: Self.byteLimit &- done)
        {
            let vector = unsafe try guarded { () throws(GuestMemoryFault) in unsafe try memory.vector(piece) }
            let count = unsafe getrandom(vector.iov_base, vector.iov_len, 0)
            if count < 0, Errno.current == .interrupted { continue }
            // Only a host without getrandom(2) fails here. A request without a random byte must not look
            // served.
            guard count > 0 else { throw .badRequest("the host has no random numbers") }
            done &+= UInt64(count)
        }
        return UInt32(done)
    }
}
