import GuestMemory
import Virtio

/// The queues of a port's device between DRIVER_OK and reset, and their state: those of port 0, and the
/// control queues.
struct PortQueues: ~Copyable, Sendable {
    /// The largest number of bytes that one call of `take` returns.
    static let pieceByteCount: UInt64 = 64 << 10

    private var receiveQueue: ReceiveQueue
    private var transmitQueue: TransmitQueue
    private var controlReceiveQueue: ServedQueue
    private var controlTransmitQueue: ServedQueue
    private let memory: GuestMemory
    /// Messages that wait for a control buffer. Each is there at most once, so the driver cannot make this
    /// long.
    private var outbox: [PortMessage] = []
    /// Whether a program of the guest has the port open.
    private(set) var isOpen = false

    init(_ activation: VirtioActivation) throws(VirtqueueError) {
        var receiveQueue = try ReceiveQueue(VirtioSerialPort.receiveQueue, of: activation)
        let transmitQueue = try TransmitQueue(VirtioSerialPort.transmitQueue, of: activation)
        var controlReceiveQueue = try ServedQueue(VirtioSerialPort.controlReceiveQueue, of: activation)
        let controlTransmitQueue = try ServedQueue(VirtioSerialPort.controlTransmitQueue, of: activation)
        // The device needs no notification of receive buffers until it has bytes for them.
        try receiveQueue.disableNotifications()
        try controlReceiveQueue.disableNotifications()
        self.receiveQueue = receiveQueue
        self.transmitQueue = transmitQueue
        self.controlReceiveQueue = controlReceiveQueue
        self.controlTransmitQueue = controlTransmitQueue
        memory = activation.memory
    }

    /// Takes the next bytes that the guest sent. Returns nil at the end of a turn: if there are none, or if
    /// the turn's budget is used up.
    mutating func take(_ counters: inout VirtioCounters) throws(VirtqueueError) -> [UInt8]? {
        while try transmitQueue.hold() {
            let piece = transmitQueue.piece(limit: Self.pieceByteCount)
            let bytes = try piece.map { piece throws(VirtqueueError) in try read(piece) } ?? []
            transmitQueue.advance(by: bytes.count, &counters)
            if transmitQueue.isAtEnd { try transmitQueue.finish(&counters) }
            if !bytes.isEmpty { return bytes }
        }
        try transmitQueue.endTurn(&counters)
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

/// The handshake that creates a port (Virtio 1.2, 5.3.5 and 5.3.6.2). The device answers DEVICE_READY with
/// DEVICE_ADD, and PORT_READY with the port's name and PORT_OPEN. The driver sends PORT_OPEN when a program
/// of the guest opens or closes the port.
extension PortQueues {
    /// Reads the driver's messages on the control queue, one turn, and answers them.
    mutating func serveControl(name: [UInt8], _ counters: inout VirtioCounters) throws(VirtqueueError) {
        while try controlTransmitQueue.pop() {
            if let message = try PortMessage(controlTransmitQueue.chain, in: memory) {
                handle(message, name: name)
            }
            try controlTransmitQueue.push(byteCount: 0, &counters)
        }
        try controlTransmitQueue.endTurn(&counters)
        try sendMessages(name: name, &counters)
    }

    private mutating func handle(_ message: PortMessage, name: [UInt8]) {
        switch message.event {
        case .deviceReady where message.value == 1:
            enqueue(PortMessage(.deviceAdd, port: VirtioSerialPort.port))
        case _ where message.port != VirtioSerialPort.port: break
        case .portReady where message.value == 1:
            if !name.isEmpty { enqueue(PortMessage(.portName, port: VirtioSerialPort.port)) }
            enqueue(PortMessage(.portOpen, port: VirtioSerialPort.port))
        case .portOpen: isOpen = message.value != 0
        default: break
        }
    }

    private mutating func enqueue(_ message: PortMessage) {
        if !outbox.contains(message) { outbox.append(message) }
    }

    /// Sends the messages in `outbox`, as far as the driver has made room.
    mutating func sendMessages(name: [UInt8], _ counters: inout VirtioCounters) throws(VirtqueueError) {
        while let message = outbox.first, try controlReceiveQueue.pop() {
            let bytes = message.bytes + (message.event == .portName ? name : [])
            guard try controlReceiveQueue.chain.fill(from: bytes[...], in: memory) == bytes.count else {
                throw .badRequest("a control buffer that is too small")
            }
            try controlReceiveQueue.push(byteCount: UInt32(bytes.count), &counters)
            outbox.removeFirst()
        }
        try controlReceiveQueue.endTurn(&counters)
    }
}
