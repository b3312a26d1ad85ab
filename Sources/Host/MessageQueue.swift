import CHost
import Synchronization

/// A queue of messages for a writer that may block. The first message starts a thread, which writes all of
/// them in order.
final class MessageQueue: Sendable {
    /// The largest number of bytes in the queue. A message that does not fit is dropped and counted.
    static let byteLimit = 64 << 10

    fileprivate struct State: ~Copyable, Sendable {
        var waiting: [UInt8] = []
        var isWriting = false
        var droppedCount = 0
        /// The number of times that the thread has asked for the next piece. It grows while the reader makes
        /// progress.
        var turnCount = 0
        var thread: HostThread?
    }

    private let state = Mutex(State())
    private let work = Semaphore()
    private let write: @Sendable ([UInt8]) -> Void

    /// Makes an empty queue. `write` writes all of its bytes, on the queue's thread, however long that takes.
    init(write: @escaping @Sendable ([UInt8]) -> Void) {
        self.write = write
    }

    /// Adds a message, or drops and counts it if the queue is full. Never waits.
    func append(_ message: [UInt8]) {
        let wakes = state.withLock { state in
            guard state.waiting.count + message.count <= Self.byteLimit, startThread(&state) else {
                state.droppedCount += 1
                return false
            }
            state.waiting += message
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if wakes { work.post() }
    }

    /// Counts messages that the caller could not write.
    func drop(_ count: Int) {
        state.withLock { $0.droppedCount += count }
    }

    /// Returns the notice of the messages that were dropped since the last call; empty if none was.
    func takeNotice() -> [UInt8] { state.withLock { $0.takeNotice() } }

    /// Waits until the queue is empty and its last piece is written. Returns false if something is left after
    /// `timeout` milliseconds without progress, or after ten times `timeout` in all.
    func drain(timeout: Int32) -> Bool {
        let start = MonotonicTime.now()
        var (lastTurn, lastTime) = (-1, start)
        while true {
            let (isWriting, turn) = state.withLock { ($0.isWriting, $0.turnCount) }
            if !isWriting { return true }
            let now = MonotonicTime.now()
            if turn != lastTurn { (lastTurn, lastTime) = (turn, now) }
            let limit = UInt64(timeout) &* 1_000_000
            if now.nanoseconds &- lastTime.nanoseconds >= limit { return false }
            if now.nanoseconds &- start.nanoseconds >= 10 &* limit { return false }
            usleep(1000)
        }
    }

    private func startThread(_ state: inout State) -> Bool {
        if state.thread == nil { state.thread = try? HostThread(named: "messages") { [self] in run() } }
        return state.thread != nil
    }

    /// Writes messages until the process ends: the body of the queue's thread.
    private func run() {
        while true {
            if let bytes = next() { write(bytes) } else { work.wait() }
        }
    }

    /// Returns the next piece to write: some of the waiting bytes, or the notice of dropped messages. Nil if
    /// there is neither.
    private func next() -> [UInt8]? {
        state.withLock { state in
            state.turnCount &+= 1
            if !state.waiting.isEmpty {
                // Small pieces show progress even if the reader reads slowly.
                let piece = Array(state.waiting.prefix(4096))
                state.waiting.removeFirst(piece.count)
                return piece
            }
            let notice = state.takeNotice()
            state.isWriting = !notice.isEmpty
            return notice.isEmpty ? nil : notice
        }
    }
}

extension MessageQueue.State {
    fileprivate mutating func takeNotice() -> [UInt8] {
        guard droppedCount > 0 else { return [] }
        defer { droppedCount = 0 }
        return Array("vmm: dropped messages that nobody read: \(droppedCount)\r\n".utf8)
    }
}
