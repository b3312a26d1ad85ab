import CHost
import Host
import Synchronization
import SystemPackage

/// Writes the output of a process to a descriptor, on a thread of its own, which starts with the first byte
/// and may block as long as the reader likes.
///
/// The agent's credit bounds the bytes that wait here: credit grows only by bytes that have been written.
final class OutputPump: Sendable {
    private struct State: ~Copyable, Sendable {
        var waiting: [UInt8] = []
        var isWriting = false
        var isEnding = false
        var thread: HostThread?
        var cause: Errno?
        var writtenByteCount = 0
    }

    /// The progress since the last call of `progress()`.
    struct Progress {
        /// The number of bytes that were written, or dropped because nobody reads them.
        let writtenByteCount: Int
        let isIdle: Bool
        /// The error after which nothing can be written any more; nil if there was none.
        let cause: Errno?
    }

    /// The progress, in bytes, after which the event loop is notified.
    static let noticeableByteCount = Int(64 << 10)

    private let descriptor: Int32
    private let name: String
    private let state = Mutex(State())
    private let work = Semaphore()
    private let progressEvent: EventFD

    /// Makes a pump. The caller remains the owner of `descriptor`. The pump signals `progressEvent` when a
    /// call of `progress()` pays.
    init(descriptor: Int32, named name: String, progressEvent: EventFD) {
        self.descriptor = descriptor
        self.name = name
        self.progressEvent = progressEvent
    }

    /// Queues `bytes` for writing; does not block.
    func append(_ bytes: [UInt8]) throws(Failure) {
        let wakes = try state.withLock { state throws(Failure) in
            if state.cause != nil {
                state.writtenByteCount += bytes.count
                progressEvent.signal()
                return false
            }
            if state.thread == nil { state.thread = try HostThread(named: name) { [self] in write() } }
            state.waiting += bytes
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if wakes { work.post() }
    }

    /// The error that prevented output from being written; nil if there was none, or if the reader closed its
    /// end, which is not reported.
    var failure: Errno? { state.withLock { $0.cause == .brokenPipe ? nil : $0.cause } }

    /// Returns the progress since the last call.
    func progress() -> Progress {
        state.withLock { state in
            defer { state.writtenByteCount = 0 }
            return Progress(
                writtenByteCount: state.writtenByteCount, isIdle: !state.isWriting, cause: state.cause)
        }
    }

    /// Ends the thread. If a reader that has stopped blocks the thread, leaves it to the end of the process.
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

    /// Waits for bytes to write and returns them; returns nil when the pump ends.
    private func next() -> [UInt8]? {
        while true {
            let (bytes, isEnding) = state.withLock { state in
                let bytes = state.cause == nil ? state.waiting : []
                state.waiting = []
                if bytes.isEmpty, state.isWriting {
                    state.isWriting = false
                    progressEvent.signal()
                }
                return (bytes, state.isEnding)
            }
            if !bytes.isEmpty { return bytes }
            if isEnding { return nil }
            work.wait()
        }
    }

    /// Writes some of `bytes` and returns their number; 0 after an error.
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
            case .wouldBlock: _ = waitUntilWritable(descriptor)
            default:
                close(cause, droppedByteCount: bytes.count)
                return 0
            }
        }
    }

    private func note(_ count: Int) {
        let isNoticeable = state.withLock { state in
            state.writtenByteCount += count
            return state.writtenByteCount >= Self.noticeableByteCount
        }
        if isNoticeable { progressEvent.signal() }
    }

    private func close(_ cause: Errno, droppedByteCount: Int) {
        state.withLock { state in
            state.cause = cause
            state.writtenByteCount += droppedByteCount + state.waiting.count
            state.waiting = []
        }
        progressEvent.signal()
    }
}
