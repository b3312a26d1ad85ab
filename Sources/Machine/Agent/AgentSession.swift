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
