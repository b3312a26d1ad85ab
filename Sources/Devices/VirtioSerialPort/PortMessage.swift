/// A message on the control queues (Virtio 1.2, 5.3.6.2, struct virtio_console_control): le32 id, le16 event,
/// le16 value, and for PORT_NAME the bytes of the name.
struct PortMessage: Hashable, Sendable {
    static let byteCount = 8

    /// VIRTIO_CONSOLE_DEVICE_READY and the other events. CONSOLE_PORT (4) and RESIZE (5) are for consoles.
    enum Event: UInt16, Sendable {
        case deviceReady = 0
        case deviceAdd = 1
        case deviceRemove = 2
        case portReady = 3
        case portOpen = 6
        case portName = 7
    }

    /// The number of the message's port.
    let port: UInt32
    let event: Event
    let value: UInt16

    init(_ event: Event, port: UInt32, value: UInt16 = 1) {
        self.port = port
        self.event = event
        self.value = value
    }

    /// Decodes the message in the low bits of eight bytes; nil for an event that a port without a console
    /// does not have.
    init?(bits: UInt64) {
        guard let event = Event(rawValue: UInt16(truncatingIfNeeded: bits >> 32)) else { return nil }
        self.init(
            event, port: UInt32(truncatingIfNeeded: bits), value: UInt16(truncatingIfNeeded: bits >> 48))
    }

    var bytes: [UInt8] {
        let bits = UInt64(port) | UInt64(event.rawValue) << 32 | UInt64(value) << 48
        return (0..<UInt64(Self.byteCount)).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
    }
}
