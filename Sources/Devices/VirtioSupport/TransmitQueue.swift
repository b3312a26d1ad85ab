import GuestMemory
public import Host
public import Virtio

/// The state of a transmitq. A chain of which the device has taken a part is put back: the driver must leave
/// it as it is until it has been used, so it is popped again.
public struct TransmitQueueState: Hashable, Sendable {
    public var queue = VirtqueueState()
    /// The number of bytes that the device has taken of the next chain.
    public var takenByteCount: UInt64 = 0

    public init() {}
}

extension TransmitQueueState: ByteValue {
    public func write(to writer: inout ByteWriter) {
        queue.write(to: &writer)
        writer.u64(takenByteCount)
    }

    public init?(from reader: inout ByteReader) {
        guard let queue = VirtqueueState(from: &reader), let takenByteCount = reader.u64() else { return nil }
        (self.queue, self.takenByteCount) = (queue, takenByteCount)
    }
}

/// A transmitq of a console device between DRIVER_OK and reset (Virtio 1.2, 5.3.6): a stream of bytes from
/// the guest, taken piece by piece. A chain is held until all of its bytes are taken, and then pushed.
struct TransmitQueue: ~Copyable, Sendable {
    /// The number of bytes that are taken in one turn.
    private static let turnByteCount: UInt64 = 1 << 20

    private var queue: ServedQueue
    /// Whether a chain is held, whose bytes from `takenByteCount` on are yet to be taken.
    private(set) var isHolding = false
    private var takenByteCount: UInt64 = 0
    /// The number of bytes that were taken of the next chain before the device was saved.
    private var begunByteCount: UInt64

    /// Makes the queue with that number, which the driver must have set up: a new one, or one that continues
    /// at `state`.
    init(
        _ number: Int, of activation: VirtioActivation, _ state: TransmitQueueState = TransmitQueueState()
    ) throws(VirtqueueError) {
        let queue = try ServedQueue(number, of: activation, state.queue, turnByteCount: Self.turnByteCount)
        self.queue = queue
        begunByteCount = state.takenByteCount
    }

    var state: TransmitQueueState {
        var state = TransmitQueueState()
        state.queue = queue.state
        state.takenByteCount = isHolding ? takenByteCount : begunByteCount
        if isHolding { state.queue.nextAvailable &-= 1 }
        return state
    }

    /// Pops the next chain unless one is held. Returns false if there is none, or if this turn must end.
    mutating func hold() throws(VirtqueueError) -> Bool {
        if isHolding { return !queue.isBudgetUsedUp }
        guard try queue.pop() else {
            guard begunByteCount == 0 else { throw .badRequest("a chain that was begun is gone") }
            return false
        }
        // The driver must not put a device-writable buffer in a transmitq (5.3.6.1).
        guard queue.chain.writable.isEmpty else {
            throw .badRequest("a writable buffer on a transmit queue")
        }
        (takenByteCount, begunByteCount) = (begunByteCount, 0)
        isHolding = true
        return true
    }

    /// Returns the next part of the held chain: a part of one buffer, at most `limit` bytes long. Returns nil
    /// at the chain's end.
    func piece(limit: UInt64) -> GuestRange? { queue.chain.buffers.piece(at: takenByteCount, limit: limit) }

    /// Whether all bytes of the held chain were taken.
    var isAtEnd: Bool { piece(limit: 1) == nil }
    /// Whether this turn must end.
    var isBudgetUsedUp: Bool { queue.isBudgetUsedUp }

    /// Marks `byteCount` bytes of `piece` as taken.
    mutating func advance(by byteCount: Int, _ counters: inout VirtioCounters) {
        takenByteCount &+= UInt64(byteCount)
        counters.byteCountFromGuest &+= UInt64(byteCount)
        queue.spend(UInt64(byteCount))
    }

    /// Pushes the held chain.
    mutating func finish(_ counters: inout VirtioCounters) throws(VirtqueueError) {
        isHolding = false
        try queue.push(byteCount: 0, &counters)
    }

    /// Ends a turn (`ServedQueue.endTurn`).
    mutating func endTurn(_ counters: inout VirtioCounters) throws(VirtqueueError) {
        try queue.endTurn(&counters)
    }
}
