import Devices
public import Host

/// A session's way to its guest, and to the machine around it. All of it may be called from any thread.
public struct AgentLink: Sendable {
    /// What the guest finds the port by.
    public static let portName = "vmm.agent"

    /// The machine's event loop: what else the session waits for is watched there.
    public let loop: EventLoop
    let port: VirtioPort
    let control: MachineControl
    let powerButton: PowerButton

    /// Sends `bytes` to the guest, in order. What is sent before the guest listens, or faster than it reads, waits; false,
    /// and nothing is sent, where that would be more than 8 MiB.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool { port.send(bytes) }

    /// Ends the machine at once, whatever its guest does. Only the first end counts.
    public func finish(with end: MachineEnd = .sessionEnded) { control.finish(end) }

    /// Presses the machine's power button: a guest that heeds it ends by itself.
    public func requestPowerOff() { powerButton.press() }
}
