import CHost
import Host
import Synchronization
import SystemPackage

/// One thread's wait for one doorbell, in one system call a wake-up. epoll(7) watches the doorbell
/// edge-triggered, so it never has to be drained.
final class DoorbellWatch: Sendable {
    private let epoll: OwnedDescriptor

    init(_ doorbell: EventFD) throws(Failure) {
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard number >= 0 else { throw Failure("cannot make an epoll instance", errno: .current) }
        let epoll = OwnedDescriptor(owning: number)
        var event = unsafe epoll_event(
            events: EPOLLIN.rawValue | EPOLLET.rawValue, data: epoll_data_t(fd: doorbell.descriptor))
        guard unsafe epoll_ctl(number, EPOLL_CTL_ADD, doorbell.descriptor, &event) == 0 else {
            throw Failure("cannot watch a doorbell", errno: .current)
        }
        self.epoll = epoll
    }

    /// Waits until the doorbell has been signalled since the last return. May return without that.
    func wait() {
        var event = unsafe epoll_event()
        _ = unsafe epoll_wait(epoll.rawValue, &event, 1, -1)
    }
}

/// A thread that several owners can share. The first `join` joins it.
final class OwnedThread: Sendable {
    private let thread: Mutex<HostThread?>

    init(named name: String, _ body: @escaping @Sendable () -> Void) throws(Failure) {
        let thread = try HostThread(named: name, body)
        self.thread = Mutex(thread)
    }

    func join() {
        thread.withLock { $0.take() }?.join()
    }
}
