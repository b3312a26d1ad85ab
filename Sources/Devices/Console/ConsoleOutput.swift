import CHost
public import Host
import Synchronization
public import SystemPackage

/// Where a guest's console output goes: a bounded ring, emptied into a descriptor by a thread of its own that starts
/// with the first byte.
///
/// The descriptor may block as long as it likes. A reader that is slow slows the guest down and loses nothing; one that
/// makes no progress for `patience` while the ring is full is taken for stopped: from then on output is dropped at once
/// and counted, until it reads again.
public final class ConsoleOutput: Sendable {
    /// What the user should be told, on one line.
    public enum Notice: Hashable, Sendable {
        /// The reader had stopped and reads again (or the end has come): so many bytes were dropped meanwhile.
        case lost(byteCount: UInt64)
        /// The descriptor takes nothing more; all further output is dropped.
        case closed(Errno)
    }

    /// How long a full ring waits for the reader to make progress, in milliseconds. A guest's kernel waits with it, so it
    /// must stay far below the 20 s after which that complains.
    public static let usualPatience: Int32 = 500

    enum Drainer: Sendable { case notStarted, asleep, lingering, busy }

    struct State: ~Copyable, Sendable {
        var ring: ConsoleRing
        var drainer = Drainer.notStarted
        var thread: HostThread?
        var wantsSpace = false
        var isStalled = false
        var isClosed = false
        /// The machine ends: a writer that finds the ring full does not wait.
        var isLeaving = false
        var closedCause: Errno?
        var isFlushing = false
        var isEnding = false
        var drainedByteCount: UInt64 = 0
        var lostByteCount: UInt64 = 0
        var lostSinceStall: UInt64 = 0
        /// What `hasStalled` saw the last time.
        var lastProgress: Progress?
    }

    /// How far the reader has come: a change of either number is progress.
    struct Progress: Hashable, Sendable {
        let drainedByteCount: UInt64
        let unreadByteCount: UInt64
    }

    let descriptor: Int32
    let patience: Int32
    let state: Mutex<State>
    /// Rings when there is something to drain, or an end to come to.
    let work: EventFD
    /// Rings when a ring that was full has room again, or its reader has been given up.
    let space: EventFD
    /// Rings when a flush is done.
    let flushed: EventFD
    /// Rings when the draining thread has come to its end.
    let ended: EventFD
    let isRegularFile: Bool
    let notify: @Sendable (Notice) -> Void
    let firstByte = Atomic<UInt64>(0)

    /// `descriptor` stays the caller's and must outlive `end`. `notify` is called on the draining thread, or in `end`.
    public init(
        descriptor: Int32, patience: Int32 = usualPatience, notify: @escaping @Sendable (Notice) -> Void
    ) throws(Failure) {
        self.descriptor = descriptor
        self.notify = notify
        work = try EventFD()
        space = try EventFD()
        flushed = try EventFD()
        ended = try EventFD()
        self.patience = patience
        state = Mutex(State(ring: try ConsoleRing()))
        isRegularFile = Self.isRegular(descriptor)
    }

    private static func isRegular(_ descriptor: Int32) -> Bool {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 && status.st_mode & UInt32(S_IFMT) == UInt32(S_IFREG)
    }

    /// When the guest's first byte had reached the descriptor.
    public var firstByteTime: MonotonicTime? {
        let time = firstByte.load(ordering: .acquiring)
        return time == 0 ? nil : MonotonicTime(nanoseconds: time)
    }

    /// Whether the guest has printed anything, whatever has become of it.
    public var hasBegun: Bool { state.withLock { $0.drainer != .notStarted } }

    /// Bytes that wait in the ring.
    var pendingByteCount: Int { state.withLock { $0.ring.count } }
    /// Why the descriptor takes nothing more, once it does not.
    public var closedCause: Errno? { state.withLock { $0.closedCause } }
    /// All bytes that were dropped so far.
    public var lostByteCount: UInt64 { state.withLock { $0.lostByteCount } }

    /// Takes up to `count` bytes, as many as there is room for, never waiting; `fill` writes them, as `ConsoleRing.append`
    /// says. A reader that has stopped or gone takes all of them: they are counted and dropped.
    ///
    /// Where the result is less than `count`, wait for `space` and try again; ask `hasStalled` now and then.
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

    /// Sends one byte, waiting for a slow reader.
    public func writeWaiting(_ byte: UInt8) {
        while unsafe append(1, fill: { target, _ in unsafe target.copyBytes(from: CollectionOfOne(byte)) })
            == 0
        {
            if loseAtEnd() { return }
            if !space.wait(milliseconds: patience) { _ = hasStalled() }
        }
    }

    /// Lets nobody wait for a slow reader any more: the machine ends, and its vCPUs with it.
    public func stopWaiting() {
        state.withLock { $0.isLeaving = true }
        space.signal()
    }

    /// Drops a byte if nobody is to wait any more.
    private func loseAtEnd() -> Bool {
        state.withLock { state in
            if state.isLeaving { state.lose(1) }
            return state.isLeaving
        }
    }

    /// Whether the reader has made no progress since this was last asked (ask every `patience`); it is then given up until it reads again.
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

    /// Whether the draining thread must be woken for what is in the ring now. One that lingers after a write comes back
    /// by itself, unless much has gathered.
    mutating func wakeDrainer() -> Bool {
        switch drainer {
        case .asleep where ring.count > 0, .lingering where ring.count >= 32 << 10:
            drainer = .busy
            return true
        default: return false
        }
    }
}

/// How many bytes the other end of a pipe has yet to read, or the terminal's line has yet to send: a reader that takes
/// little at a time shows here before it shows as room for a write.
func unreadByteCount(_ descriptor: Int32) -> UInt64 {
    var count: Int32 = 0
    if unsafe chost_ioctl_pointer(descriptor, UInt(TIOCOUTQ), &count) < 0 {
        _ = unsafe chost_ioctl_pointer(descriptor, UInt(FIONREAD), &count)
    }
    return UInt64(UInt32(bitPattern: count))
}
