/// Where the bytes that leave a serial port go.
public protocol SerialOutput: AnyObject, Sendable {
    /// Takes one byte, on the thread of the vCPU that sent it. It may wait for a slow reader.
    func writeWaiting(_ byte: UInt8)
}

extension ConsoleOutput: SerialOutput {}
