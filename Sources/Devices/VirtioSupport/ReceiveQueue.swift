import GuestMemory
import Host
import Virtio

/// A receiveq of a console device between DRIVER_OK and reset (Virtio 1.2, 5.3.6): a stream of bytes for the
/// guest, as far as its driver has made room.
struct ReceiveQueue: ~Copyable, Sendable {
    private var queue: Virtqueue
    private let bell: EventFD
    private let interrupt: VirtioInterrupt
    /// The current chain. It is stored here so that its storage is reused.
    private var chain = DescriptorChain()

    /// Makes the queue with that number, which the driver must have set up.
    init(_ index: Int, of activation: VirtioActivation) throws(VirtqueueError) {
        let queue = try activation.virtqueue(index)
        self.queue = queue
        bell = activation.doorbells[index]
        interrupt = activation.interrupt
    }

    /// Disables the driver's notifications: the device needs none for receive buffers until it has bytes for
    /// them.
    mutating func disableNotifications() throws(VirtqueueError) {
        try queue.disableNotifications()
    }

    /// Passes as much of `bytes` to the guest as it has made room for; returns the number of bytes.
    mutating func give(
        _ bytes: ArraySlice<UInt8>, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) -> Int {
        var rest = bytes
        // A buffer without room uses up budget too. A driver that adds buffers all the time waits for the
        // loop's next turn.
        var budget = queue.configuration.size
        while !rest.isEmpty, budget > 0, try queue.popOrRearm(into: &chain) {
            let written = try chain.fill(from: rest, in: queue.memory)
            try queue.push(head: chain.head, byteCount: UInt32(written))
            rest = rest.dropFirst(written)
            counters.requestCount &+= 1
            counters.byteCountToGuest &+= UInt64(written)
            budget -= 1
        }
        if budget == 0, !rest.isEmpty { bell.signal() }
        try queue.tell(interrupt, &counters)
        return bytes.count - rest.count
    }
}

extension DescriptorChain {
    /// Copies from the start of `bytes` into the buffers; returns the number of bytes that fitted.
    func fill(from bytes: ArraySlice<UInt8>, in memory: GuestMemory) throws(VirtqueueError) -> Int {
        // The driver must not put a device-readable buffer in a receiveq (5.3.6.1).
        guard readableCount == 0 else { throw .badRequest("a readable buffer on a receive queue") }
        return try writable.scatter(bytes, in: memory)
    }
}
