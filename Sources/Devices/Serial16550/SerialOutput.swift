/// The destination of the bytes that a serial port sends.
public protocol SerialOutput: AnyObject, Sendable {
    /// Takes one byte, on the thread of the vCPU that sent it. May wait for a slow reader.
    func writeWaiting(_ byte: UInt8)
}

extension ConsoleOutput: SerialOutput {}
