import CHost
import SystemPackage

/// An eventfd(2): a counter that the kernel or a thread adds to and that another thread waits for. A guest's
/// notification of a disk arrives through an eventfd (ioeventfd).
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

extension EventFD {
    /// Waits until the counter is more than 0 and sets it to 0. Returns false if `milliseconds` pass first
    /// (-1: no limit).
    public func wait(milliseconds: Int32) -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let count = unsafe poll(&polled, 1, milliseconds)
            if count < 0, Errno.current == .interrupted { continue }
            if count <= 0 { return false }
            // Another thread may have drained the counter first; then the wait goes on.
            if drain() { return true }
        }
    }
}
