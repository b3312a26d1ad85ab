public import Host

/// What speaks with the guest through the port `vmm.agent`.
public protocol AgentSession: AnyObject, Sendable {
    /// The machine is built and its loop is about to run: on the main thread, once.
    func start(_ link: AgentLink) throws(Failure)
    /// The guest sent these bytes, 64 KiB at the most: on the loop's thread, which is the main one. No thread of the
    /// guest waits for this; the loop's other handlers do.
    func received(_ bytes: [UInt8])
    /// The status that the process is to end with where its end has to be cut short; nil for that of the machine's end.
    var exitStatus: Int32? { get }
    /// The machine has ended, or `start` has failed: on the main thread, once; nothing is called after it.
    func end()
}

extension AgentSession {
    public var exitStatus: Int32? { nil }
}
