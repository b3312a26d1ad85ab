import GuestMemory
import Virtio

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

        /// The events of the messages that the device sends.
        static let ofDevice: [Event] = [.deviceAdd, .portName, .portOpen]
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

    /// Reads the message in a chain of the driver; nil for an event that the device does not know.
    init?(_ chain: DescriptorChain, in memory: GuestMemory) throws(VirtqueueError) {
        guard chain.writable.isEmpty else {
            throw .badRequest("a writable buffer on the port's control queue")
        }
        guard chain.readableByteCount >= UInt64(Self.byteCount) else {
            throw .badRequest("a control message that is too short")
        }
        self.init(bits: try chain.readable.word(at: 0, in: memory))
    }

    var bytes: [UInt8] {
        let bits = UInt64(port) | UInt64(event.rawValue) << 32 | UInt64(value) << 48
        return (0..<UInt64(Self.byteCount)).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
    }
}
