import GuestMemory
import Virtio

/// A receiveq of a console device between DRIVER_OK and reset (Virtio 1.2, 5.3.6): a stream of bytes for the
/// guest, as far as its driver has made room.
struct ReceiveQueue: ~Copyable, Sendable {
    private var queue: ServedQueue

    /// Makes the queue with that number, which the driver must have set up: a new one, or one that continues
    /// at `state`.
    init(
        _ number: Int, of activation: VirtioActivation, _ state: VirtqueueState = VirtqueueState()
    ) throws(VirtqueueError) {
        let queue = try ServedQueue(number, of: activation, state)
        self.queue = queue
    }

    var state: VirtqueueState { queue.state }

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
        // A buffer without room uses up budget too, so that a driver that adds buffers all the time waits for
        // the loop's next turn.
        while !rest.isEmpty, try queue.pop() {
            let written = try queue.chain.fill(from: rest, in: queue.memory)
            try queue.push(byteCount: UInt32(written), &counters)
            rest = rest.dropFirst(written)
        }
        try queue.endTurn(&counters)
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
