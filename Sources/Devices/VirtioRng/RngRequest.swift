import CHost
import GuestMemory
import Host
import SystemPackage
import Virtio

/// A request of an entropy device: buffers to fill with random bytes (Virtio 1.2, 5.4.6).
enum RngRequest {
    /// The largest number of bytes for one request. The used length reports the number to the driver.
    static let byteLimit: UInt64 = 64 << 10

    /// Fills the buffers of the queue's chain with random bytes; returns their number. The driver must not
    /// put a device-readable buffer in the queue, and gets at least one byte (5.4.6.1).
    static func fill(_ queue: borrowing ServedQueue) throws(VirtqueueError) -> UInt32 {
        guard queue.chain.readableCount == 0 else {
            throw .badRequest("a readable buffer on the entropy queue")
        }
        guard queue.chain.writableByteCount > 0 else { throw .badRequest("an entropy request without room") }
        var done: UInt64 = 0
        while done < byteLimit, let piece = queue.chain.buffers.piece(at: done, limit: byteLimit &- done) {
            let vector = unsafe try guarded { () throws(GuestMemoryFault) in
                unsafe try queue.memory.vector(piece)
            }
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
