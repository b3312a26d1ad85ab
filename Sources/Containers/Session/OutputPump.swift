import CHost
import Host
import Synchronization
import SystemPackage

/// Takes what a process says to where we say it: a thread of its own writes, which starts with the first byte and may be
/// held up for as long as the reader likes. What waits here is bounded by the credit that the agent was given, and that
/// grows only with what has been written.
final class OutputPump: Sendable {
    private struct State: ~Copyable, Sendable {
        var waiting: [UInt8] = []
        var isWriting = false
        var isEnding = false
        var thread: HostThread?
        var cause: Errno?
        var writtenByteCount = 0
    }

    /// What has happened since the last question.
    struct Progress {
        /// Bytes that are written, or dropped because nobody reads them.
        let writtenByteCount: Int
        let isIdle: Bool
        /// Why nothing can be written any more.
        let cause: Errno?
    }

    /// A reader of the credit is told of it in pieces like this.
    static let noticeableByteCount = Int(64 << 10)

    private let descriptor: Int32
    private let name: String
    private let state = Mutex(State())
    private let work = Semaphore()
    private let bell: EventFD

    /// `descriptor` stays the caller's; `bell` rings when there is `progress` worth looking at.
    init(descriptor: Int32, named name: String, bell: EventFD) {
        self.descriptor = descriptor
        self.name = name
        self.bell = bell
    }

    /// Takes all of `bytes`, at once.
    func append(_ bytes: [UInt8]) throws(Failure) {
        let wakes = try state.withLock { state throws(Failure) in
            if state.cause != nil {
                state.writtenByteCount += bytes.count
                bell.signal()
                return false
            }
            if state.thread == nil { state.thread = try HostThread(named: name) { [self] in write() } }
            state.waiting += bytes
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if wakes { work.post() }
    }

    /// Why output could not be written; nil where all was, or where its reader has gone, which nobody has to be told.
    var failure: Errno? { state.withLock { $0.cause == .brokenPipe ? nil : $0.cause } }

    /// What was written since the last call of this.
    func progress() -> Progress {
        state.withLock { state in
            defer { state.writtenByteCount = 0 }
            return Progress(
                writtenByteCount: state.writtenByteCount, isIdle: !state.isWriting, cause: state.cause)
        }
    }

    /// Ends the thread, unless a reader that has stopped holds it: then it is left for the end of the process.
    func end() {
        let isIdle = state.withLock { state in
            state.isEnding = true
            return !state.isWriting
        }
        guard isIdle else { return }
        work.post()
        state.withLock { $0.thread.take() }?.join()
    }

    private func write() {
        while let bytes = next() {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = write(rest)
                guard count > 0 else { break }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// What is to be written next; nil when the end has come.
    private func next() -> [UInt8]? {
        while true {
            let (bytes, isEnding) = state.withLock { state in
                let bytes = state.cause == nil ? state.waiting : []
                state.waiting = []
                if bytes.isEmpty, state.isWriting {
                    state.isWriting = false
                    bell.signal()
                }
                return (bytes, state.isEnding)
            }
            if !bytes.isEmpty { return bytes }
            if isEnding { return nil }
            work.wait()
        }
    }

    /// Writes some of `bytes`; 0 when there is no point in going on.
    private func write(_ bytes: ArraySlice<UInt8>) -> Int {
        while true {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Terminal.note(output: buffer)
                return unsafe CHost.write(descriptor, buffer.baseAddress, buffer.count)
            }
            if count > 0 {
                note(count)
                return count
            }
            let cause = Errno.current
            switch cause {
            case .interrupted: break
            case .wouldBlock: waitForRoom()
            default:
                close(cause, droppedByteCount: bytes.count)
                return 0
            }
        }
    }

    /// The descriptor is not ours alone, and somebody has made it one that does not block.
    private func waitForRoom() {
        var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&polled, 1, -1)
    }

    private func note(_ count: Int) {
        let isNoticeable = state.withLock { state in
            state.writtenByteCount += count
            return state.writtenByteCount >= Self.noticeableByteCount
        }
        if isNoticeable { bell.signal() }
    }

    private func close(_ cause: Errno, droppedByteCount: Int) {
        state.withLock { state in
            state.cause = cause
            state.writtenByteCount += droppedByteCount + state.waiting.count
            state.waiting = []
        }
        bell.signal()
    }
}
