import CHost
import SystemPackage

/// A counting semaphore (sem_overview(7)): a post or a wait that finds it free makes no system call.
@safe
public final class Semaphore: Sendable {
    private nonisolated(unsafe) let handle: UnsafeMutablePointer<sem_t>

    /// A semaphore at 0.
    public init() {
        unsafe handle = .allocate(capacity: 1)
        unsafe sem_init(handle, 0, 0)
    }

    deinit {
        unsafe sem_destroy(handle)
        unsafe handle.deallocate()
    }

    /// Lets one waiter pass, now or later.
    public func post() {
        unsafe sem_post(handle)
    }

    /// Waits for a post of its own.
    public func wait() {
        while unsafe sem_wait(handle) < 0, Errno.current == .interrupted {}
    }
}
