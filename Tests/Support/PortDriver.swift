public import GuestMemory

/// What a driver of a console device with ports says and hears on the control queues (Virtio 1.2, 5.3.6.2).
public enum PortDriver {
    public static let receive = 0
    public static let transmit = 1
    public static let controlReceive = 2
    public static let controlTransmit = 3

    public static let deviceReady: UInt16 = 0
    public static let deviceAdd: UInt16 = 1
    public static let portReady: UInt16 = 3
    public static let consolePort: UInt16 = 4
    public static let portOpen: UInt16 = 6
    public static let portName: UInt16 = 7
    /// The port of a message that is about none.
    public static let noPort: UInt32 = .max

    /// struct virtio_console_control: le32 id, le16 event, le16 value.
    public static func message(_ event: UInt16, port: UInt32 = 0, value: UInt16 = 1) -> [UInt8] {
        let numbers = [port, UInt32(event) | UInt32(value) << 16]
        return numbers.flatMap { number in
            (0..<UInt32(4)).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
    }
}

extension VirtioDriver {
    /// Says something on the control queue; the device has heard it when this returns.
    public func sayControl(_ bytes: [UInt8]) throws {
        try queues[PortDriver.controlTransmit].add([.readable(try memory.allocate(bytes))])
        ring(PortDriver.controlTransmit)
    }

    /// Gives the device buffers for what it has to say, each with room for `byteCount` bytes.
    public func addBuffers(_ count: Int, of byteCount: UInt64, queue: Int) throws -> [GuestRange] {
        let buffers = (0..<count).map { _ in memory.allocate(byteCount) }
        for buffer in buffers { try queues[queue].add([.writable(buffer)]) }
        return buffers
    }

    /// The handshake of a good driver, up to the port's being open.
    public func openPort() throws {
        _ = try addBuffers(4, of: 64, queue: PortDriver.controlReceive)
        try sayControl(PortDriver.message(PortDriver.deviceReady, port: PortDriver.noPort))
        try sayControl(PortDriver.message(PortDriver.portReady))
        try sayControl(PortDriver.message(PortDriver.portOpen))
    }
}
