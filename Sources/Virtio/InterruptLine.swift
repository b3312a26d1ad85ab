/// The wire on which an interrupt leaves a device: an input of the interrupt controllers in a machine, a
/// counter in a test.
public protocol InterruptLine: AnyObject, Sendable {
    /// Raises the interrupt once (an edge).
    func signal()
}
