public import Host

/// What speaks with the guest through the port `vmm.agent`.
public protocol AgentSession: AnyObject, Sendable {
    /// The machine is built and its loop is about to run: on the main thread, once.
    func start(_ link: AgentLink) throws(Failure)
    /// The guest sent these bytes, 64 KiB at the most: on the loop's thread, which is the main one. No thread of the
    /// guest waits for this; the loop's other handlers do.
    func received(_ bytes: [UInt8])
    /// The machine has ended, or `start` has failed: on the main thread, once; nothing is called after it.
    func end()
}
