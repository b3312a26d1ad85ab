import CHost
import SystemPackage

/// An eventfd(2): a counter that the kernel or a thread adds to and another thread waits on. Doorbells of disks come in
/// through one (ioeventfd), and an interrupt can leave through one (irqfd).
public final class EventFD: Sendable {
    private let owner: OwnedDescriptor

    /// A counter of 0 whose reads do not block.
    public init() throws(Failure) {
        let number = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard number >= 0 else { throw Failure("cannot make an eventfd", errno: .current) }
        owner = OwnedDescriptor(owning: number)
    }

    public var descriptor: Int32 { owner.rawValue }

    /// Adds one. A counter that is full already says what there is to say.
    public func signal() {
        _ = eventfd_write(owner.rawValue, 1)
    }

    /// Sets the counter to 0 and tells whether it was more.
    @discardableResult
    public func drain() -> Bool {
        var count: eventfd_t = 0
        return unsafe eventfd_read(owner.rawValue, &count) == 0
    }
}
