import Devices
public import Host

/// The monitor's side of a conversation with the guest through the port `vmm.agent`.
public protocol AgentSession: AnyObject, Sendable {
    /// Starts the session. Called once, on the main thread, when the machine is built and just before its
    /// event loop runs.
    func start(_ link: AgentLink) throws(Failure)
    /// Handles up to 64 KiB of bytes that the guest sent. Called on the event loop's thread, which is the
    /// main thread. The loop's other handlers wait for this call; the guest's vCPUs do not.
    func received(_ bytes: [UInt8])
    /// The exit status of the process if its end has to be cut short; nil to use the status of the machine's
    /// end.
    var exitStatus: Int32? { get }
    /// Ends the session. Called once, on the main thread, after the machine has ended or `start` has failed.
    /// It is the last call to the session.
    func end()
}

extension AgentSession {
    public var exitStatus: Int32? { nil }
}

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
