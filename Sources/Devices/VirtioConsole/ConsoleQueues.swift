import GuestMemory
public import Host
public import Virtio

/// The state of a console's queues.
public struct ConsoleQueuesState: Hashable, Sendable {
    public var receive: VirtqueueState
    public var transmit: TransmitQueueState
    public var gate: InputGateState

    public init(receive: VirtqueueState, transmit: TransmitQueueState, gate: InputGateState) {
        self.receive = receive
        self.transmit = transmit
        self.gate = gate
    }
}

extension ConsoleQueuesState: ByteValue {
    public func write(to writer: inout ByteWriter) {
        receive.write(to: &writer)
        transmit.write(to: &writer)
        gate.write(to: &writer)
    }

    public init?(from reader: inout ByteReader) {
        guard let receive = VirtqueueState(from: &reader), let transmit = TransmitQueueState(from: &reader),
            let gate = InputGateState(from: &reader)
        else { return nil }
        self.init(receive: receive, transmit: transmit, gate: gate)
    }
}

/// The queues of a console between DRIVER_OK and reset, and the gate for its input.
struct ConsoleQueues: ~Copyable, Sendable {
    private var receiveQueue: ReceiveQueue
    /// The transmitq. It holds the chain for which the output had no room.
    private var transmitQueue: TransmitQueue
    private let memory: GuestMemory
    var gate: InputGate

    /// Makes the queues: new ones, or ones that continue at `state`.
    init(
        _ activation: VirtioActivation, gate: InputGate, _ state: ConsoleQueuesState? = nil
    ) throws(VirtqueueError) {
        self.gate = gate
        let receiveQueue = try ReceiveQueue(
            VirtioConsole.receiveQueue, of: activation, state?.receive ?? VirtqueueState())
        let transmitQueue = try TransmitQueue(
            VirtioConsole.transmitQueue, of: activation, state?.transmit ?? TransmitQueueState())
        self.receiveQueue = receiveQueue
        self.transmitQueue = transmitQueue
        memory = activation.memory
    }

    var state: ConsoleQueuesState {
        ConsoleQueuesState(receive: receiveQueue.state, transmit: transmitQueue.state, gate: gate.state)
    }

    /// Whether a chain is held whose rest the output has yet to take.
    var isHolding: Bool { transmitQueue.isHolding }

    /// Writes the chains that the driver has made available to `output`, until `output` is full or the turn
    /// must end.
    mutating func transmit(
        to output: ConsoleOutput, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) {
        gate.noteOutput()
        while try transmitQueue.hold(), try sendHeld(to: output, &counters) {
            try transmitQueue.finish(&counters)
        }
        try transmitQueue.endTurn(&counters)
    }

    /// Writes the rest of the held chain. Returns false if `output` had no room for all of it, or if the turn
    /// must end.
    private mutating func sendHeld(
        to output: ConsoleOutput, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) -> Bool {
        while let piece = transmitQueue.piece(limit: 4096) {
            if transmitQueue.isBudgetUsedUp { return false }
            let taken = try output.append(piece, of: memory)
            transmitQueue.advance(by: taken, &counters)
            if taken < Int(piece.byteCount) { return false }
        }
        return true
    }

    /// Passes as much of `bytes` to the guest as it has made room for; returns the number of bytes.
    mutating func receive(
        _ bytes: ArraySlice<UInt8>, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) -> Int {
        gate.isOpen ? try receiveQueue.give(bytes, &counters) : 0
    }
}

extension ConsoleOutput {
    /// Appends up to `range.byteCount` bytes (at most 4,096) of the guest's memory.
    fileprivate func append(_ range: GuestRange, of memory: GuestMemory) throws(VirtqueueError) -> Int {
        unsafe try append(Int(range.byteCount)) { target, offset throws(VirtqueueError) in
            guard target.count > 0, let start = range.start.advanced(by: UInt64(offset)) else { return }
            try guarded { () throws(GuestMemoryFault) in unsafe try memory.read(into: target, at: start) }
        }
    }
}
