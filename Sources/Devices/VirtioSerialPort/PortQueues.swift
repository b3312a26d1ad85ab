import GuestMemory
import Host
import Virtio

/// The activity of a port's device between DRIVER_OK and reset: the queues of port 0, the control queues, and
/// their state.
struct PortQueues: ~Copyable, Sendable {
    /// The largest number of bytes that one call of `take` returns.
    static let pieceByteCount: UInt64 = 64 << 10

    private var receiveQueue: ReceiveQueue
    private var transmitQueue: TransmitQueue
    var controlReceiveQueue: Virtqueue
    var controlTransmitQueue: Virtqueue
    let memory: GuestMemory
    let doorbells: [EventFD]
    let interrupt: VirtioInterrupt
    /// The current control chain. It is stored here so that its storage is reused.
    var chain = DescriptorChain()
    /// Messages that wait for a control buffer. Each is there at most once, so the driver cannot make this
    /// long.
    var outbox: [PortMessage] = []
    /// Whether a program of the guest has the port open.
    var isOpen = false

    init(_ activation: VirtioActivation) throws(VirtqueueError) {
        var receiveQueue = try ReceiveQueue(VirtioSerialPort.receiveQueue, of: activation)
        let transmitQueue = try TransmitQueue(VirtioSerialPort.transmitQueue, of: activation)
        var controlReceiveQueue = try activation.virtqueue(VirtioSerialPort.controlReceiveQueue)
        let controlTransmitQueue = try activation.virtqueue(VirtioSerialPort.controlTransmitQueue)
        // The device needs no notification of receive buffers until it has bytes for them.
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

    /// Takes the next bytes that the guest sent. Returns nil if there are none or `budget` is used up.
    mutating func take(
        _ budget: inout UInt64, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) -> [UInt8]? {
        while budget > 0, try transmitQueue.hold() {
            budget -= min(budget, 256)
            let piece = transmitQueue.piece(limit: Self.pieceByteCount)
            let bytes = try piece.map { piece throws(VirtqueueError) in try read(piece) } ?? []
            transmitQueue.advance(by: bytes.count, &counters)
            budget -= min(budget, UInt64(bytes.count))
            if transmitQueue.isAtEnd { try transmitQueue.finish(&counters) }
            if !bytes.isEmpty { return bytes }
        }
        try transmitQueue.endTurn(isBudgetUsedUp: budget == 0, &counters)
        return nil
    }

    private func read(_ piece: GuestRange) throws(VirtqueueError) -> [UInt8] {
        try guarded { () throws(GuestMemoryFault) in
            try memory.bytes(at: piece.start, count: Int(clamping: piece.byteCount))
        }
    }

    /// Passes as much of `bytes` to the guest as it has made room for; returns the number of bytes.
    mutating func give(
        _ bytes: ArraySlice<UInt8>, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) -> Int {
        isOpen ? try receiveQueue.give(bytes, &counters) : 0
    }
}
