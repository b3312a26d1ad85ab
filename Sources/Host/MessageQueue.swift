import CHost
import Synchronization

/// Messages that wait for a writer that may block: a thread, which starts with the first of them, writes them one after another.
final class MessageQueue: Sendable {
    /// What waits at the most; a message beyond it is dropped and counted.
    static let byteLimit = 64 << 10

    fileprivate struct State: ~Copyable, Sendable {
        var waiting: [UInt8] = []
        var isWriting = false
        var droppedCount = 0
        /// How often the writer has come back from a write.
        var turnCount = 0
        var thread: HostThread?
    }

    private let state = Mutex(State())
    private let work = Semaphore()
    private let write: @Sendable ([UInt8]) -> Void

    /// `write` writes all of its bytes, on the queue's thread, however long that takes.
    init(write: @escaping @Sendable ([UInt8]) -> Void) {
        self.write = write
    }

    /// Takes a message, or drops it; never waits.
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

    /// Counts messages that could not be written.
    func drop(_ count: Int) {
        state.withLock { $0.droppedCount += count }
    }

    /// What to tell the reader of messages that were dropped since this was last asked; nothing where there were none.
    func takeNotice() -> [UInt8] { state.withLock { $0.takeNotice() } }

    /// Waits until nothing waits any more, as long as the writer makes progress within every `patience` milliseconds and ten
    /// times that in all. False when something is left.
    func drain(patience: Int32) -> Bool {
        let start = MonotonicTime.now()
        var (lastTurn, lastTime) = (-1, start)
        while true {
            let (isWriting, turn) = state.withLock { ($0.isWriting, $0.turnCount) }
            if !isWriting { return true }
            let now = MonotonicTime.now()
            if turn != lastTurn { (lastTurn, lastTime) = (turn, now) }
            let limit = UInt64(patience) &* 1_000_000
            if now.nanoseconds &- lastTime.nanoseconds >= limit { return false }
            if now.nanoseconds &- start.nanoseconds >= 10 &* limit { return false }
            usleep(1000)
        }
    }

    private func startThread(_ state: inout State) -> Bool {
        if state.thread == nil { state.thread = try? HostThread(named: "messages") { [self] in run() } }
        return state.thread != nil
    }

    /// The thread's whole life, which ends with the process.
    private func run() {
        while true {
            if let bytes = next() { write(bytes) } else { work.wait() }
        }
    }

    /// What is to be written next: a piece of what waits, or the count of what was dropped; nil when that is nothing.
    private func next() -> [UInt8]? {
        state.withLock { state in
            state.turnCount &+= 1
            if !state.waiting.isEmpty {
                // In small pieces, so that a reader that takes little is seen to read.
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
        return Array("vmm: messages that were dropped, because nobody read them: \(droppedCount)\r\n".utf8)
    }
}
