/// The wire on which an interrupt leaves a device: an irqfd in a machine, a counter in a test.
public protocol InterruptLine: AnyObject, Sendable {
    /// Raises the interrupt once (an edge).
    func signal()
}
