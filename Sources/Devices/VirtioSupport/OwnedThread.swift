import Host
import Synchronization

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
