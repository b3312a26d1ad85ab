import CHost
public import Host
import Synchronization
public import SystemPackage

/// The output of a guest's console: a bounded ring, and a thread that writes it to a descriptor. The thread
/// starts with the first byte.
///
/// The descriptor may block for any time. A slow reader slows the guest down and loses nothing. A reader that
/// makes no progress for the timeout while the ring is full counts as stopped: output is then dropped at once
/// and counted, until the reader makes progress again.
///
/// Life cycle:
/// - build: `init` makes the ring, which costs nothing while it is empty.
/// - run: devices append, on any thread.
/// - pause: the machine calls `flush`. What is left goes on to the reader, since it is the host's already. A
///   vCPU that waits for room finishes its exit when there is some, or when the reader counts as stopped.
/// - save, restore: the ring is no part of a saved machine. Its bytes reach the reader of the machine that
///   sent them, and a restored machine begins with an empty ring. A chain of which the ring took a part stays
///   with the device (`VirtioConsole`), which continues behind that part.
/// - end: `end` writes what is left.
public final class ConsoleOutput: Sendable {
    /// An event that the user should learn of, in one line.
    public enum Notice: Hashable, Sendable {
        /// The reader had stopped, and `byteCount` bytes were dropped. Reported when the reader goes on, or
        /// at the end.
        case lost(byteCount: UInt64)
        /// The descriptor takes no more output; all further output is dropped.
        case closed(Errno)
    }

    /// The time that a full ring waits for the reader to make progress, in milliseconds. The guest's kernel
    /// waits meanwhile, so the time must stay far below the 20 s after which the kernel complains.
    public static let usualTimeoutMilliseconds: Int32 = 500

    enum Drainer: Sendable { case notStarted, asleep, lingering, busy }

    struct State: ~Copyable, Sendable {
        var ring: ConsoleRing
        var drainer = Drainer.notStarted
        var thread: HostThread?
        var wantsSpace = false
        var isStalled = false
        var isClosed = false
        /// Whether the machine is ending: a writer that finds the ring full then does not wait.
        var isLeaving = false
        var closedCause: Errno?
        var isFlushing = false
        var isEnding = false
        var drainedByteCount: UInt64 = 0
        var lostByteCount: UInt64 = 0
        var lostSinceStall: UInt64 = 0
        /// The reader's progress at the last call of `hasStalled`.
        var lastProgress: Progress?
    }

    /// The reader's position: a change of either number is progress.
    struct Progress: Hashable, Sendable {
        let drainedByteCount: UInt64
        let unreadByteCount: UInt64
    }

    let descriptor: Int32
    let timeoutMilliseconds: Int32
    let state: Mutex<State>
    /// Signalled when there are bytes to drain, or when draining must end.
    let work: EventFD
    /// Signalled when a full ring has room again, or when the reader counts as stopped.
    let space: EventFD
    /// Signalled when a flush is done.
    let flushed: EventFD
    /// Signalled when the draining thread is about to end.
    let ended: EventFD
    let isRegularFile: Bool
    let notify: @Sendable (Notice) -> Void
    let firstByte = Atomic<UInt64>(0)

    /// Makes the output. `descriptor` stays the caller's and must outlive `end`. `notify` is called on the
    /// draining thread, or in `end`.
    public init(
        descriptor: Int32, timeoutMilliseconds: Int32 = usualTimeoutMilliseconds,
        notify: @escaping @Sendable (Notice) -> Void
    ) throws(Failure) {
        self.descriptor = descriptor
        self.notify = notify
        work = try EventFD()
        space = try EventFD()
        flushed = try EventFD()
        ended = try EventFD()
        self.timeoutMilliseconds = timeoutMilliseconds
        state = Mutex(State(ring: try ConsoleRing()))
        isRegularFile = Self.isRegular(descriptor)
    }

    private static func isRegular(_ descriptor: Int32) -> Bool {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 && status.st_mode & UInt32(S_IFMT) == UInt32(S_IFREG)
    }

    /// The time at which the guest's first byte was written to the descriptor.
    public var firstByteTime: MonotonicTime? {
        let time = firstByte.load(ordering: .acquiring)
        return time == 0 ? nil : MonotonicTime(nanoseconds: time)
    }

    /// Whether the guest has printed anything, delivered or not.
    public var hasBegun: Bool { state.withLock { $0.drainer != .notStarted } }

    /// The number of bytes that wait in the ring.
    var pendingByteCount: Int { state.withLock { $0.ring.count } }
    /// The error for which the descriptor takes no more output, if it does not.
    public var closedCause: Errno? { state.withLock { $0.closedCause } }
    /// The number of bytes that were dropped so far.
    public var lostByteCount: UInt64 { state.withLock { $0.lostByteCount } }

    /// Appends up to `count` bytes, as many as there is room for, without waiting. `fill` writes them, as for
    /// `ConsoleRing.append`. If the reader has stopped or gone, all bytes are counted and dropped, and the
    /// result is `count`.
    ///
    /// If the result is less than `count`, wait for `space` and try again; call `hasStalled` while waiting.
    func append<Failed: Error>(
        _ count: Int, fill: (UnsafeMutableRawBufferPointer, Int) throws(Failed) -> Void
    ) throws(Failed) -> Int {
        let (taken, wakes, starts) = try state.withLock { state throws(Failed) in
            if state.isStalled || state.isClosed {
                state.lose(UInt64(count))
                return (count, false, false)
            }
            let taken = unsafe try state.ring.append(count, fill: fill)
            if taken < count { state.wantsSpace = true }
            return (taken, state.wakeDrainer(), state.drainer == .notStarted)
        }
        if starts { start() }
        if wakes { work.signal() }
        return taken
    }

    /// Appends one byte; waits for a slow reader.
    public func writeWaiting(_ byte: UInt8) {
        while unsafe append(1, fill: { target, _ in unsafe target.copyBytes(from: CollectionOfOne(byte)) })
            == 0
        {
            if loseAtEnd() { return }
            if !space.wait(milliseconds: timeoutMilliseconds) { _ = hasStalled() }
        }
    }

    /// Ends all waiting for a slow reader, because the machine ends, and its vCPUs with it.
    public func stopWaiting() {
        state.withLock { $0.isLeaving = true }
        space.signal()
    }

    /// Drops a byte if `stopWaiting` was called; returns whether it was.
    private func loseAtEnd() -> Bool {
        state.withLock { state in
            if state.isLeaving { state.lose(1) }
            return state.isLeaving
        }
    }

    /// Returns whether the reader counts as stopped. It does if the ring is full and the reader has made no
    /// progress since the last call. Call this once in every `timeoutMilliseconds`.
    func hasStalled() -> Bool {
        let unread = unreadByteCount(descriptor)
        return state.withLock { state in
            let progress = Progress(drainedByteCount: state.drainedByteCount, unreadByteCount: unread)
            defer { state.lastProgress = progress }
            if state.ring.free == 0, progress == state.lastProgress { state.isStalled = true }
            return state.isStalled
        }
    }

    func noteFirstByte() {
        guard firstByte.load(ordering: .relaxed) == 0 else { return }
        firstByte.store(MonotonicTime.now().nanoseconds, ordering: .releasing)
    }
}

extension ConsoleOutput.State {
    mutating func lose(_ byteCount: UInt64) {
        lostByteCount &+= byteCount
        lostSinceStall &+= byteCount
    }

    /// Returns whether to wake the draining thread for the bytes in the ring. A thread that lingers after a
    /// write wakes up by itself, so it is woken early only for many bytes.
    mutating func wakeDrainer() -> Bool {
        switch drainer {
        case .asleep where ring.count > 0, .lingering where ring.count >= 32 << 10:
            drainer = .busy
            return true
        default: return false
        }
    }
}

/// Returns the number of bytes that the other end of a pipe has yet to read, or that the terminal's line has
/// yet to send. A reader that takes little at a time changes this number before there is room for a write.
func unreadByteCount(_ descriptor: Int32) -> UInt64 {
    var count: Int32 = 0
    if unsafe chost_ioctl_pointer(descriptor, UInt(TIOCOUTQ), &count) < 0 {
        _ = unsafe chost_ioctl_pointer(descriptor, UInt(FIONREAD), &count)
    }
    return UInt64(UInt32(bitPattern: count))
}
