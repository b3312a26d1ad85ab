public import GuestMemory

/// The control messages of a driver of a multiport console device (Virtio 1.2, 5.3.6.2).
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
    /// The port number of a message that concerns no port.
    public static let noPort: UInt32 = .max

    /// Makes a struct virtio_console_control: le32 id, le16 event, le16 value.
    public static func message(_ event: UInt16, port: UInt32 = 0, value: UInt16 = 1) -> [UInt8] {
        let numbers = [port, UInt32(event) | UInt32(value) << 16]
        return numbers.flatMap { number in
            (0..<UInt32(4)).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
    }
}

extension VirtioDriver {
    /// Sends a control message. The device has processed it when this method returns.
    public func sayControl(_ bytes: [UInt8]) throws {
        try queues[PortDriver.controlTransmit].add([.readable(try memory.allocate(bytes))])
        ring(PortDriver.controlTransmit)
    }

    /// Adds `count` buffers of `byteCount` bytes each for the device to write to.
    public func addBuffers(_ count: Int, of byteCount: UInt64, queue: Int) throws -> [GuestRange] {
        let buffers = (0..<count).map { _ in memory.allocate(byteCount) }
        for buffer in buffers { try queues[queue].add([.writable(buffer)]) }
        return buffers
    }

    /// Does the handshake of a conforming driver, until the port is open.
    public func openPort() throws {
        _ = try addBuffers(4, of: 64, queue: PortDriver.controlReceive)
        try sayControl(PortDriver.message(PortDriver.deviceReady, port: PortDriver.noPort))
        try sayControl(PortDriver.message(PortDriver.portReady))
        try sayControl(PortDriver.message(PortDriver.portOpen))
    }
}
