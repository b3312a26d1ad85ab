import GuestMemory
import Host
import Virtio

/// A transmitq of a console device between DRIVER_OK and reset (Virtio 1.2, 5.3.6): a stream of bytes from
/// the guest, taken piece by piece. A chain is held until all of its bytes are taken, and then pushed.
struct TransmitQueue: ~Copyable, Sendable {
    private var queue: Virtqueue
    private let bell: EventFD
    private let interrupt: VirtioInterrupt
    private var chain = DescriptorChain()
    /// Whether a chain is held, whose bytes from `takenByteCount` on are yet to be taken.
    private(set) var isHolding = false
    private var takenByteCount: UInt64 = 0

    /// Makes the queue with that number, which the driver must have set up.
    init(_ index: Int, of activation: VirtioActivation) throws(VirtqueueError) {
        let queue = try activation.virtqueue(index)
        self.queue = queue
        bell = activation.doorbells[index]
        interrupt = activation.interrupt
    }

    /// Pops the next chain unless one is held; returns false if there is none.
    mutating func hold() throws(VirtqueueError) -> Bool {
        if isHolding { return true }
        guard try queue.popOrRearm(into: &chain) else { return false }
        // The driver must not put a device-writable buffer in a transmitq (5.3.6.1).
        guard chain.writable.isEmpty else { throw .badRequest("a writable buffer on a transmit queue") }
        takenByteCount = 0
        isHolding = true
        return true
    }

    /// Returns the next part of the held chain: a part of one buffer, at most `limit` bytes long; nil at the
    /// chain's end.
    func piece(limit: UInt64) -> GuestRange? { chain.buffers.piece(at: takenByteCount, limit: limit) }

    /// Whether all bytes of the held chain were taken.
    var isAtEnd: Bool { piece(limit: 1) == nil }

    /// Marks `byteCount` bytes of `piece` as taken.
    mutating func advance(by byteCount: Int, _ counters: inout VirtioCounters) {
        takenByteCount &+= UInt64(byteCount)
        counters.byteCountFromGuest &+= UInt64(byteCount)
    }

    /// Pushes the held chain.
    mutating func finish(_ counters: inout VirtioCounters) throws(VirtqueueError) {
        isHolding = false
        try queue.push(head: chain.head, byteCount: 0)
        counters.requestCount &+= 1
    }

    /// Ends a turn. If the driver has added chains until the turn's budget was used up, this signals the
    /// doorbell for the next turn, so that the loop's other handlers run first.
    mutating func endTurn(
        isBudgetUsedUp: Bool, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) {
        if isBudgetUsedUp { bell.signal() }
        try queue.tell(interrupt, &counters)
    }
}
