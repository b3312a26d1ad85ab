import CHost
import GuestMemory
import Host
import SystemPackage
import Virtio

/// The queue of an entropy device between DRIVER_OK and reset.
struct RngQueues: ~Copyable, Sendable {
    /// The largest number of bytes for one request. The used length reports the number to the driver.
    static let requestLimit: UInt64 = 64 << 10
    /// The largest number of bytes for all requests in one turn of the event loop.
    static let turnLimit: UInt64 = 256 << 10

    private var queue: Virtqueue
    let doorbell: EventFD
    let interrupt: VirtioInterrupt
    private var chain = DescriptorChain()

    init(_ activation: VirtioActivation) throws(VirtqueueError) {
        let queue = try activation.virtqueue(VirtioRng.requestQueue)
        self.queue = queue
        doorbell = activation.doorbells[VirtioRng.requestQueue]
        interrupt = activation.interrupt
    }

    mutating func serve(_ counters: inout VirtioCounters) throws(VirtqueueError) {
        var budget = Self.turnLimit
        while budget > 0, try queue.popOrRearm(into: &chain) {
            let written = try fill()
            try queue.push(head: chain.head, byteCount: UInt32(written))
            counters.requestCount &+= 1
            counters.byteCountToGuest &+= written
            budget -= min(budget, max(written, 256))
        }
        if budget == 0 { doorbell.signal() }
        try queue.tell(interrupt, &counters)
    }

    /// Fills the chain with random bytes; returns their number.
    private func fill() throws(VirtqueueError) -> UInt64 {
        // The driver must not put a device-readable buffer in the queue, and gets at least one byte (5.4.6).
        guard chain.readableCount == 0 else { throw .badRequest("a readable buffer on the entropy queue") }
        guard chain.writableByteCount > 0 else { throw .badRequest("an entropy request without room") }
        var done: UInt64 = 0
        while done < Self.requestLimit,
            let piece = chain.buffers.piece(at: done, limit: Self.requestLimit &- done)
        {
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
        return done
    }
}
