import GuestMemory
import Host
import Virtio

/// A console between DRIVER_OK and reset: its queues, and the chain that the output had no room for.
struct ActiveConsole: ~Copyable, Sendable {
    var receiveQueue: Virtqueue
    var transmitQueue: Virtqueue
    let memory: GuestMemory
    let doorbells: [EventFD]
    let interrupt: VirtioInterrupt
    /// The receive chain at hand; kept for its storage.
    var inward = DescriptorChain()
    /// The transmit chain at hand. While `isHolding`, the rest of it from `sentByteCount` on is yet to be sent.
    var outward = DescriptorChain()
    private(set) var isHolding = false
    private var sentByteCount: UInt64 = 0
    var gate: InputGate

    init(_ activation: VirtioActivation, gate: InputGate) throws(VirtqueueError) {
        self.gate = gate
        let receiveQueue = try activation.virtqueue(VirtioConsole.receiveQueue)
        let transmitQueue = try activation.virtqueue(VirtioConsole.transmitQueue)
        self.receiveQueue = receiveQueue
        self.transmitQueue = transmitQueue
        memory = activation.memory
        doorbells = activation.doorbells
        interrupt = activation.interrupt
    }

    /// Sends what the driver has made available, until the output is full.
    mutating func transmit(
        to output: ConsoleOutput, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) {
        // A driver that adds chains as quickly as we take them must not keep the loop's other devices waiting.
        var budget: UInt64 = 1 << 20
        gate.noteOutput()
        while budget > 0, try takeOutward() {
            isHolding = try !sendOutward(to: output, &budget, &counters)
            if isHolding { break }
            try transmitQueue.push(head: outward.head, byteCount: 0)
            counters.requestCount &+= 1
            budget -= min(budget, 256)
        }
        if budget == 0 { doorbells[VirtioConsole.transmitQueue].signal() }
        try transmitQueue.tell(interrupt, &counters)
    }

    /// Takes the next chain to send unless one is held; false when there is none.
    private mutating func takeOutward() throws(VirtqueueError) -> Bool {
        if isHolding { return true }
        guard try transmitQueue.popOrWait(into: &outward) else { return false }
        // The driver must not put a device-writable buffer in a transmitq (5.3.6.2).
        guard outward.writable.isEmpty else {
            throw .badRequest("a writable buffer on the console's transmit queue")
        }
        sentByteCount = 0
        return true
    }

    /// Sends the rest of the chain; false when the output had no room for all of it, or the budget is used up.
    private mutating func sendOutward(
        to output: ConsoleOutput, _ budget: inout UInt64, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) -> Bool {
        while let piece = outward.buffers.piece(at: sentByteCount, limit: 4096) {
            if budget == 0 { return false }
            let taken = try output.append(piece, of: memory)
            sentByteCount &+= UInt64(taken)
            counters.byteCountFromGuest &+= UInt64(taken)
            budget -= min(budget, UInt64(taken))
            if taken < Int(piece.byteCount) { return false }
        }
        return true
    }

    /// Gives the guest as much of `bytes` as it has made room for; the result is how much that was.
    mutating func receive(
        _ bytes: ArraySlice<UInt8>, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) -> Int {
        guard gate.isOpen else { return 0 }
        var rest = bytes
        var budget = receiveQueue.configuration.size
        while !rest.isEmpty, budget > 0, try receiveQueue.popOrWait(into: &inward) {
            let written = try fillInward(rest)
            try receiveQueue.push(head: inward.head, byteCount: UInt32(written))
            rest = rest.dropFirst(written)
            counters.requestCount &+= 1
            counters.byteCountToGuest &+= UInt64(written)
            budget -= 1
        }
        try receiveQueue.tell(interrupt, &counters)
        return bytes.count - rest.count
    }

    /// Copies from the start of `bytes` into the chain; the result is how much there was room for.
    private func fillInward(_ bytes: ArraySlice<UInt8>) throws(VirtqueueError) -> Int {
        // The driver must not put a device-readable buffer in a receiveq (5.3.6.2).
        guard inward.readableCount == 0 else {
            throw .badRequest("a readable buffer on the console's receive queue")
        }
        return try inward.writable.scatter(bytes, in: memory)
    }
}

extension ConsoleOutput {
    /// Takes up to `range.byteCount` bytes (4,096 at the most) of the guest's memory.
    fileprivate func append(_ range: GuestRange, of memory: GuestMemory) throws(VirtqueueError) -> Int {
        unsafe try append(Int(range.byteCount)) { target, offset throws(VirtqueueError) in
            guard target.count > 0, let start = range.start.advanced(by: UInt64(offset)) else { return }
            try guarded { () throws(GuestMemoryFault) in unsafe try memory.read(into: target, at: start) }
        }
    }
}
