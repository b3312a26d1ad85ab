import GuestMemory
public import Host
public import Virtio

/// The state of a port's queues.
public struct PortQueuesState: Hashable, Sendable {
    public var receive = VirtqueueState()
    public var transmit = TransmitQueueState()
    public var controlReceive = VirtqueueState()
    public var controlTransmit = VirtqueueState()
    /// The events of messages that wait for a control buffer (VIRTIO_CONSOLE_DEVICE_ADD and others, 5.3.6.2).
    public var outbox: [UInt16] = []
    /// Whether a program of the guest has the port open.
    public var isOpen = false

    public init() {}
}

extension PortQueuesState: ByteValue {
    public func write(to writer: inout ByteWriter) {
        receive.write(to: &writer)
        transmit.write(to: &writer)
        controlReceive.write(to: &writer)
        controlTransmit.write(to: &writer)
        writer.list(outbox) { $0.u16($1) }
        writer.flag(isOpen)
    }

    public init?(from reader: inout ByteReader) {
        guard let receive = VirtqueueState(from: &reader), let transmit = TransmitQueueState(from: &reader),
            let controlReceive = VirtqueueState(from: &reader),
            let controlTransmit = VirtqueueState(from: &reader),
            let outbox = reader.list(atMost: PortMessage.Event.ofDevice.count, { $0.u16() }),
            let isOpen = reader.flag()
        else { return nil }
        (self.receive, self.transmit) = (receive, transmit)
        (self.controlReceive, self.controlTransmit) = (controlReceive, controlTransmit)
        (self.outbox, self.isOpen) = (outbox, isOpen)
    }
}

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
    /// The events of messages that wait for a control buffer. Each is there at most once, so the driver
    /// cannot make this long.
    private var outbox: [PortMessage.Event]
    /// Whether a program of the guest has the port open.
    private(set) var isOpen: Bool

    /// Makes new queues.
    static func make(_ activation: VirtioActivation) throws(VirtqueueError) -> PortQueues {
        var queues = try PortQueues(activation, PortQueuesState())
        // The device needs no notification of receive buffers until it has bytes for them.
        try queues.receiveQueue.disableNotifications()
        try queues.controlReceiveQueue.disableNotifications()
        return queues
    }

    /// Makes queues that continue at `state`.
    init(_ activation: VirtioActivation, _ state: PortQueuesState) throws(VirtqueueError) {
        let receiveQueue = try ReceiveQueue(VirtioSerialPort.receiveQueue, of: activation, state.receive)
        let transmitQueue = try TransmitQueue(VirtioSerialPort.transmitQueue, of: activation, state.transmit)
        let controlReceiveQueue = try ServedQueue(
            VirtioSerialPort.controlReceiveQueue, of: activation, state.controlReceive)
        let controlTransmitQueue = try ServedQueue(
            VirtioSerialPort.controlTransmitQueue, of: activation, state.controlTransmit)
        let outbox = try Self.outbox(state.outbox)
        self.receiveQueue = receiveQueue
        self.transmitQueue = transmitQueue
        self.controlReceiveQueue = controlReceiveQueue
        self.controlTransmitQueue = controlTransmitQueue
        memory = activation.memory
        self.outbox = outbox
        isOpen = state.isOpen
    }

    /// Checks the outbox of a saved state: messages that a device sends, each at most once.
    private static func outbox(_ numbers: [UInt16]) throws(VirtqueueError) -> [PortMessage.Event] {
        let events = numbers.compactMap(PortMessage.Event.init(rawValue:))
        guard events.count == numbers.count, events.count == Set(events).count,
            events.allSatisfy(PortMessage.Event.ofDevice.contains)
        else { throw .badRequest("a message that a port does not send") }
        return events
    }

    var state: PortQueuesState {
        var state = PortQueuesState()
        state.receive = receiveQueue.state
        state.transmit = transmitQueue.state
        state.controlReceive = controlReceiveQueue.state
        state.controlTransmit = controlTransmitQueue.state
        state.outbox = outbox.map(\.rawValue)
        state.isOpen = isOpen
        return state
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
            enqueue(.deviceAdd)
        case _ where message.port != VirtioSerialPort.port: break
        case .portReady where message.value == 1:
            if !name.isEmpty { enqueue(.portName) }
            enqueue(.portOpen)
        case .portOpen: isOpen = message.value != 0
        default: break
        }
    }

    private mutating func enqueue(_ event: PortMessage.Event) {
        if !outbox.contains(event) { outbox.append(event) }
    }

    /// Sends the messages of `outbox`, as far as the driver has made room.
    mutating func sendMessages(name: [UInt8], _ counters: inout VirtioCounters) throws(VirtqueueError) {
        while let event = outbox.first, try controlReceiveQueue.pop() {
            let message = PortMessage(event, port: VirtioSerialPort.port)
            let bytes = message.bytes + (event == .portName ? name : [])
            guard try controlReceiveQueue.chain.fill(from: bytes[...], in: memory) == bytes.count else {
                throw .badRequest("a control buffer that is too small")
            }
            try controlReceiveQueue.push(byteCount: UInt32(bytes.count), &counters)
            outbox.removeFirst()
        }
        try controlReceiveQueue.endTurn(&counters)
    }
}
