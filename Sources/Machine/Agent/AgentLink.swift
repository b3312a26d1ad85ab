import Devices
public import Host

/// A session's connection to its guest and to the machine. Every member may be used from any thread.
public struct AgentLink: Sendable {
    /// The name by which the guest finds the port.
    public static let portName = "vmm.agent"

    /// The machine's event loop. The session watches its own descriptors on this loop.
    public let loop: EventLoop
    let port: VirtioSerialPort
    let control: MachineControl
    let powerButton: PowerButton

    /// Sends `bytes` to the guest, in order. Bytes wait here until the guest listens and has room for them.
    /// Returns false, and sends nothing, if more than 8 MiB would then wait.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool { port.send(bytes) }

    /// Ends the machine at once, whatever its guest does. Only the first end counts.
    public func finish(with end: MachineEnd = .sessionEnded) { control.finish(end) }

    /// Presses the machine's power button. A guest that handles the button then powers off by itself.
    public func requestPowerOff() { powerButton.press() }
}
