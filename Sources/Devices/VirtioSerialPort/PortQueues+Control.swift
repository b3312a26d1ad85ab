import Host
import Virtio

/// The handshake that creates a port (Virtio 1.2, 5.3.5 and 5.3.6.2). The device answers DEVICE_READY with
/// DEVICE_ADD, and PORT_READY with the port's name and PORT_OPEN. The driver sends PORT_OPEN when a program
/// of the guest opens or closes the port.
extension PortQueues {
    /// Reads the driver's messages on the control queue and answers them.
    mutating func serveControl(
        name: [UInt8], _ counters: inout VirtioCounters
    ) throws(VirtqueueError) {
        var budget = controlTransmitQueue.configuration.size
        while budget > 0, try controlTransmitQueue.popOrRearm(into: &chain) {
            if let message = try readMessage() { heed(message, name: name) }
            try controlTransmitQueue.push(head: chain.head, byteCount: 0)
            counters.requestCount &+= 1
            budget -= 1
        }
        if budget == 0 { doorbells[VirtioSerialPort.controlTransmitQueue].signal() }
        try controlTransmitQueue.tell(interrupt, &counters)
        try sendMessages(name: name, &counters)
    }

    /// Reads the message in the chain; returns nil for an event that the device does not know.
    private func readMessage() throws(VirtqueueError) -> PortMessage? {
        guard chain.writable.isEmpty else {
            throw .badRequest("a writable buffer on the port's control queue")
        }
        guard chain.readableByteCount >= UInt64(PortMessage.byteCount) else {
            throw .badRequest("a control message that is too short")
        }
        return PortMessage(bits: try chain.readable.word(at: 0, in: memory))
    }

    private mutating func heed(_ message: PortMessage, name: [UInt8]) {
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
    mutating func sendMessages(
        name: [UInt8], _ counters: inout VirtioCounters
    ) throws(VirtqueueError) {
        while let message = outbox.first, try controlReceiveQueue.popOrRearm(into: &chain) {
            let bytes = message.bytes + (message.event == .portName ? name : [])
            guard try chain.fill(from: bytes[...], in: memory) == bytes.count else {
                throw .badRequest("a control buffer that is too small")
            }
            try controlReceiveQueue.push(head: chain.head, byteCount: UInt32(bytes.count))
            counters.requestCount &+= 1
            counters.byteCountToGuest &+= UInt64(bytes.count)
            outbox.removeFirst()
        }
        try controlReceiveQueue.tell(interrupt, &counters)
    }
}
