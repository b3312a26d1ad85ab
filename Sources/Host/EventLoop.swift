import CHost
import Synchronization
import SystemPackage

/// An epoll(7) loop that one thread runs. Any thread may add and remove handlers, and so may a handler.
public final class EventLoop: Sendable {
    public typealias Handler = @Sendable () -> Void

    private struct State {
        var handlers = HandlerTable()
        var stopped = false
    }

    private let epoll: OwnedDescriptor
    private let wake: EventFD
    private let state = Mutex(State())

    public init() throws(Failure) {
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard number >= 0 else { throw Failure("cannot make an epoll instance", errno: .current) }
        epoll = OwnedDescriptor(owning: number)
        wake = try EventFD()
        try watch(wake.descriptor) { [wake] in wake.drain() }
    }

    /// Calls `handler` on the loop's thread whenever `descriptor` is readable or its other end is closed
    /// (level-triggered).
    public func watch(_ descriptor: Int32, _ handler: @escaping Handler) throws(Failure) {
        try add(descriptor, EPOLLIN.rawValue, handler)
    }

    /// Watches `descriptor` as `watch` does. Returns false, without a watch, if the descriptor never blocks:
    /// epoll(7) refuses regular files and /dev/null with EPERM. After any other error a read could block the
    /// loop's thread, so the error is thrown.
    public func watchInput(_ descriptor: Int32, _ handler: @escaping Handler) throws(Failure) -> Bool {
        do throws(Failure) {
            try watch(descriptor, handler)
            return true
        } catch {
            guard error.errno == .notPermitted else { throw error }
            return false
        }
    }

    /// Calls `handler` on the loop's thread after each notification of the eventfd `doorbell`; several
    /// notifications may become one call. The watch is edge-triggered, so that `handler` need not drain the
    /// doorbell, which saves a system call each time.
    public func watchNotifications(of doorbell: EventFD, _ handler: @escaping Handler) throws(Failure) {
        try add(doorbell.descriptor, EPOLLIN.rawValue | EPOLLET.rawValue, handler)
    }

    private func add(
        _ descriptor: Int32, _ events: UInt32, _ handler: @escaping Handler
    ) throws(Failure) {
        state.withLock { $0.handlers[descriptor] = handler }
        var event = unsafe epoll_event(events: events, data: epoll_data_t(fd: descriptor))
        guard unsafe epoll_ctl(epoll.rawValue, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            let cause = Errno.current
            state.withLock { $0.handlers[descriptor] = nil }
            throw Failure("cannot watch descriptor \(descriptor)", errno: cause)
        }
    }

    /// Stops calling the handler of `descriptor`. A call that has begun on the loop's thread may still be
    /// running on return.
    public func unwatch(_ descriptor: Int32) {
        state.withLock { $0.handlers[descriptor] = nil }
        var event = unsafe epoll_event()
        _ = unsafe epoll_ctl(epoll.rawValue, EPOLL_CTL_DEL, descriptor, &event)
    }

    /// Makes `run` return. Any thread may call it.
    public func stop() {
        state.withLock { $0.stopped = true }
        wake.signal()
    }

    /// Calls handlers on the calling thread until `stop`.
    public func run() throws(Failure) {
        let capacity = 16
        let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: capacity)
        defer { unsafe events.deallocate() }
        while !state.withLock({ $0.stopped }) {
            let count = unsafe epoll_wait(epoll.rawValue, events.baseAddress!, Int32(capacity), -1)
            if count < 0, Errno.current != .interrupted {
                throw Failure("cannot wait for events", errno: .current)
            }
            for index in 0..<max(0, Int(count)) {
                let descriptor = unsafe events[index].data.fd
                state.withLock { $0.handlers[descriptor] }?()
            }
        }
    }
}

/// The handlers by their descriptors, a dozen at the most. To make a dictionary would take longer than all
/// searches of this table, because the conformances of its key are looked up at run time.
private struct HandlerTable {
    private struct Entry {
        let descriptor: Int32
        let handler: EventLoop.Handler
    }

    private var entries: [Entry] = []

    subscript(descriptor: Int32) -> EventLoop.Handler? {
        get {
            for entry in entries where entry.descriptor == descriptor { return entry.handler }
            return nil
        }
        set {
            remove(descriptor)
            if let newValue { entries.append(Entry(descriptor: descriptor, handler: newValue)) }
        }
    }

    private mutating func remove(_ descriptor: Int32) {
        for index in entries.indices where entries[index].descriptor == descriptor {
            entries[index] = entries[entries.count - 1]
            entries.removeLast()
            return
        }
    }
}
