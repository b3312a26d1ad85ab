import GuestMemory
import Host
import Virtio

/// A port's device between DRIVER_OK and reset: the queues of port 0, the control queues, and what is under way in each.
struct ActivePort: ~Copyable, Sendable {
    /// What one call of `take` gives at the most.
    static let pieceByteCount: UInt64 = 64 << 10

    private var receiveQueue: Virtqueue
    private var transmitQueue: Virtqueue
    var controlReceiveQueue: Virtqueue
    var controlTransmitQueue: Virtqueue
    let memory: GuestMemory
    let doorbells: [EventFD]
    let interrupt: VirtioInterrupt
    /// The receive and control chain at hand; kept for its storage.
    var chain = DescriptorChain()
    /// The transmit chain at hand. While `isHolding`, the rest of it from `takenByteCount` on is yet to be taken.
    private var outward = DescriptorChain()
    private var isHolding = false
    private var takenByteCount: UInt64 = 0
    /// Messages that wait for a control buffer, each at most once: no driver makes this long.
    var outbox: [PortMessage] = []
    /// Whether a program of the guest has the port open.
    var isOpen = false

    init(_ activation: VirtioActivation) throws(VirtqueueError) {
        var receiveQueue = try activation.virtqueue(VirtioPort.receiveQueue)
        let transmitQueue = try activation.virtqueue(VirtioPort.transmitQueue)
        var controlReceiveQueue = try activation.virtqueue(VirtioPort.controlReceiveQueue)
        let controlTransmitQueue = try activation.virtqueue(VirtioPort.controlTransmitQueue)
        // Buffers to fill are of no interest before there is something to fill them with.
        try receiveQueue.disableNotifications()
        try controlReceiveQueue.disableNotifications()
        self.receiveQueue = receiveQueue
        self.transmitQueue = transmitQueue
        self.controlReceiveQueue = controlReceiveQueue
        self.controlTransmitQueue = controlTransmitQueue
        memory = activation.memory
        doorbells = activation.doorbells
        interrupt = activation.interrupt
    }

    /// Takes the next bytes that the guest sent, nil when there are none or `budget` is used up.
    mutating func take(
        _ budget: inout UInt64, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) -> [UInt8]? {
        while budget > 0, try takeOutward() {
            budget -= min(budget, 256)
            let piece = outward.buffers.piece(at: takenByteCount, limit: Self.pieceByteCount)
            let bytes = try piece.map { piece throws(VirtqueueError) in try read(piece) } ?? []
            takenByteCount &+= UInt64(bytes.count)
            budget -= min(budget, UInt64(bytes.count))
            counters.byteCountFromGuest &+= UInt64(bytes.count)
            if takenByteCount >= outward.readableByteCount { try finishOutward(&counters) }
            if !bytes.isEmpty { return bytes }
        }
        // A driver that adds chains as quickly as we take them must not keep the loop's other handlers waiting.
        if budget == 0 { doorbells[VirtioPort.transmitQueue].signal() }
        try transmitQueue.tell(interrupt, &counters)
        return nil
    }

    /// Takes the next chain unless one is held; false when there is none.
    private mutating func takeOutward() throws(VirtqueueError) -> Bool {
        if isHolding { return true }
        guard try transmitQueue.popOrWait(into: &outward) else { return false }
        // The driver must not put a device-writable buffer in a transmitq (5.3.6.1).
        guard outward.writable.isEmpty else {
            throw .badRequest("a writable buffer on the port's transmit queue")
        }
        takenByteCount = 0
        isHolding = true
        return true
    }

    private mutating func finishOutward(_ counters: inout VirtioCounters) throws(VirtqueueError) {
        isHolding = false
        try transmitQueue.push(head: outward.head, byteCount: 0)
        counters.requestCount &+= 1
    }

    private func read(_ piece: GuestRange) throws(VirtqueueError) -> [UInt8] {
        try guarded { () throws(GuestMemoryFault) in
            try memory.bytes(at: piece.start, count: Int(clamping: piece.byteCount))
        }
    }

    /// Gives the guest as much of `bytes` as it has made room for; the result is how much that was.
    mutating func give(
        _ bytes: ArraySlice<UInt8>, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) -> Int {
        guard isOpen else { return 0 }
        var rest = bytes
        // Buffers without room are used up too; a driver that adds more all the time waits for the loop's next turn.
        var budget = receiveQueue.configuration.size
        while !rest.isEmpty, budget > 0, try receiveQueue.popOrWait(into: &chain) {
            let written = try fill(rest)
            try receiveQueue.push(head: chain.head, byteCount: UInt32(written))
            rest = rest.dropFirst(written)
            counters.requestCount &+= 1
            counters.byteCountToGuest &+= UInt64(written)
            budget -= 1
        }
        if budget == 0, !rest.isEmpty { doorbells[VirtioPort.receiveQueue].signal() }
        try receiveQueue.tell(interrupt, &counters)
        return bytes.count - rest.count
    }

    /// Copies from the start of `bytes` into the chain; the result is how much there was room for.
    func fill(_ bytes: ArraySlice<UInt8>) throws(VirtqueueError) -> Int {
        // The driver must not put a device-readable buffer in a receiveq (5.3.6.1).
        guard chain.readableCount == 0 else {
            throw .badRequest("a readable buffer on the port's receive queue")
        }
        return try chain.writable.scatter(bytes, in: memory)
    }
}
