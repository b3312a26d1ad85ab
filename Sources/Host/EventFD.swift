import CHost
import SystemPackage

/// An eventfd(2): a counter that the kernel or a thread adds to and that another thread waits for. A guest's
/// notification of a disk arrives through an eventfd (ioeventfd), and an interrupt can leave through one
/// (irqfd).
public final class EventFD: Sendable {
    private let owner: OwnedDescriptor

    /// Makes a counter of 0. Reads of its descriptor do not block.
    public init() throws(Failure) {
        let number = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard number >= 0 else { throw Failure("cannot make an eventfd", errno: .current) }
        owner = OwnedDescriptor(owning: number)
    }

    public var descriptor: Int32 { owner.rawValue }

    /// Adds one. A full counter stays as it is: it is readable already.
    public func signal() {
        _ = eventfd_write(owner.rawValue, 1)
    }

    /// Sets the counter to 0. Returns whether the counter was more than 0.
    @discardableResult
    public func drain() -> Bool {
        var count: eventfd_t = 0
        return unsafe eventfd_read(owner.rawValue, &count) == 0
    }
}
