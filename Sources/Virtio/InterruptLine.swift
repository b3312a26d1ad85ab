/// The interrupt line of a device: an input of the interrupt controllers in a machine, a counter in a test.
public protocol InterruptLine: AnyObject, Sendable {
    /// Raises the interrupt once (an edge).
    func signal()
}
