import GuestMemory
import Host
import Virtio

/// A transmitq of a console device between DRIVER_OK and reset (Virtio 1.2, 5.3.6): a stream of bytes from the guest, taken
/// piece by piece. The chain that is not yet taken to its end is held, and the driver gets it back afterwards.
struct TransmitQueue: ~Copyable, Sendable {
    private var queue: Virtqueue
    private let bell: EventFD
    private let interrupt: VirtioInterrupt
    private var chain = DescriptorChain()
    /// Whether the rest of the chain, from `takenByteCount` on, is yet to be taken.
    private(set) var isHolding = false
    private var takenByteCount: UInt64 = 0

    /// The queue with that number, which the driver must have set up.
    init(_ index: Int, of activation: VirtioActivation) throws(VirtqueueError) {
        let queue = try activation.virtqueue(index)
        self.queue = queue
        bell = activation.doorbells[index]
        interrupt = activation.interrupt
    }

    /// Takes the next chain unless one is held; false when there is none.
    mutating func hold() throws(VirtqueueError) -> Bool {
        if isHolding { return true }
        guard try queue.popOrWait(into: &chain) else { return false }
        // The driver must not put a device-writable buffer in a transmitq (5.3.6.1).
        guard chain.writable.isEmpty else { throw .badRequest("a writable buffer on a transmit queue") }
        takenByteCount = 0
        isHolding = true
        return true
    }

    /// What is to be taken next of the chain that is held: a part of one buffer, of `limit` bytes at the most; nil at the
    /// chain's end.
    func piece(limit: UInt64) -> GuestRange? { chain.buffers.piece(at: takenByteCount, limit: limit) }

    /// Whether the chain that is held was taken to its end.
    var isAtEnd: Bool { piece(limit: 1) == nil }

    /// `byteCount` bytes of `piece` were taken.
    mutating func advance(by byteCount: Int, _ counters: inout VirtioCounters) {
        takenByteCount &+= UInt64(byteCount)
        counters.byteCountFromGuest &+= UInt64(byteCount)
    }

    /// Gives the chain that is held back to the driver.
    mutating func finish(_ counters: inout VirtioCounters) throws(VirtqueueError) {
        isHolding = false
        try queue.push(head: chain.head, byteCount: 0)
        counters.requestCount &+= 1
    }

    /// Ends a turn. A driver that adds chains as quickly as they are taken, until the turn's budget is used up, must not keep
    /// the loop's other handlers waiting: its bell rings for the next turn.
    mutating func endTurn(
        isBudgetUsedUp: Bool, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) {
        if isBudgetUsedUp { bell.signal() }
        try queue.tell(interrupt, &counters)
    }
}
