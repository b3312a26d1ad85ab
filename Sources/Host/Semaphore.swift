import CHost
import SystemPackage

/// A counting semaphore (sem_overview(7)). A post without a waiter and a wait that need not block make no
/// system call.
///
/// Safe: only the calls below use the memory, which lives as long as the object.
@safe
public final class Semaphore: Sendable {
    /// The semaphore. Threads may share it: sem_post(3) and sem_wait(3) are atomic, and the pointer never
    /// changes.
    private nonisolated(unsafe) let handle: UnsafeMutablePointer<sem_t>

    /// Makes a semaphore of value 0.
    public init() {
        unsafe handle = .allocate(capacity: 1)
        unsafe sem_init(handle, 0, 0)
    }

    deinit {
        unsafe sem_destroy(handle)
        unsafe handle.deallocate()
    }

    /// Adds one, which lets one waiter pass, now or later.
    public func post() {
        unsafe sem_post(handle)
    }

    /// Waits until the value is more than 0 and takes one away.
    public func wait() {
        while unsafe sem_wait(handle) < 0, Errno.current == .interrupted {}
    }
}
