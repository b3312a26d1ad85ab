import GuestMemory
import Host
import Virtio

/// A console between DRIVER_OK and reset: its queues, and whether its driver listens.
struct ActiveConsole: ~Copyable, Sendable {
    private var receiveQueue: ReceiveQueue
    /// Holds the chain that the output had no room for.
    private var transmitQueue: TransmitQueue
    let memory: GuestMemory
    let doorbells: [EventFD]
    let interrupt: VirtioInterrupt
    var gate: InputGate

    init(_ activation: VirtioActivation, gate: InputGate) throws(VirtqueueError) {
        self.gate = gate
        let receiveQueue = try ReceiveQueue(VirtioConsole.receiveQueue, of: activation)
        let transmitQueue = try TransmitQueue(VirtioConsole.transmitQueue, of: activation)
        self.receiveQueue = receiveQueue
        self.transmitQueue = transmitQueue
        memory = activation.memory
        doorbells = activation.doorbells
        interrupt = activation.interrupt
    }

    /// Whether the output has yet to take the rest of a chain.
    var isHolding: Bool { transmitQueue.isHolding }

    /// Sends what the driver has made available, until the output is full.
    mutating func transmit(
        to output: ConsoleOutput, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) {
        var budget: UInt64 = 1 << 20
        gate.noteOutput()
        while budget > 0, try transmitQueue.hold(), try sendHeld(to: output, &budget, &counters) {
            try transmitQueue.finish(&counters)
            budget -= min(budget, 256)
        }
        try transmitQueue.endTurn(isBudgetUsedUp: budget == 0, &counters)
    }

    /// Sends the rest of the chain; false when the output had no room for all of it, or the budget is used up.
    private mutating func sendHeld(
        to output: ConsoleOutput, _ budget: inout UInt64, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) -> Bool {
        while let piece = transmitQueue.piece(limit: 4096) {
            if budget == 0 { return false }
            let taken = try output.append(piece, of: memory)
            transmitQueue.advance(by: taken, &counters)
            budget -= min(budget, UInt64(taken))
            if taken < Int(piece.byteCount) { return false }
        }
        return true
    }

    /// Gives the guest as much of `bytes` as it has made room for; the result is how much that was.
    mutating func receive(
        _ bytes: ArraySlice<UInt8>, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) -> Int {
        gate.isOpen ? try receiveQueue.give(bytes, &counters) : 0
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
