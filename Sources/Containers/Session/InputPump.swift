import AgentProtocol
import CHost
import Host
import Synchronization
import SystemPackage

/// Reads the container's standard input and passes it to the process, as far as the agent's credit allows,
/// and its end. Everything runs on the event loop's thread.
final class InputPump: Sendable {
    private struct State {
        var credit = Credit.initial
        var isWatching = false
        var hasEnded = false
        /// Whether the descriptor is always readable: epoll(7) refuses regular files and /dev/null.
        var neverBlocks = false
    }

    /// The maximum number of bytes in flight, whatever credit the agent grants.
    static let creditLimit = 4 << 20

    private let descriptor: Int32
    private let loop: EventLoop
    private let state = Mutex(State())
    private var neverBlocks: Bool { state.withLock { $0.neverBlocks } }
    /// Receives the bytes that were read; an empty array at the end of the input.
    private let deliver: @Sendable ([UInt8]) -> Void

    init(descriptor: Int32, loop: EventLoop, deliver: @escaping @Sendable ([UInt8]) -> Void) {
        self.descriptor = descriptor
        self.loop = loop
        self.deliver = deliver
    }

    /// Starts reading. Like `add`, throws if the host cannot watch the descriptor.
    func start() throws(Failure) {
        try watch()
        if neverBlocks { readAll() }
    }

    /// Adds credit: the process accepts that many more bytes.
    func add(_ credit: Credit) throws(Failure) {
        // No overflow: both numbers are at most 2^32.
        state.withLock { $0.credit = min(Self.creditLimit, $0.credit + Int(credit.byteCount)) }
        if neverBlocks { readAll() } else { try watch() }
    }

    /// Stops reading.
    func stop() {
        state.withLock { $0.hasEnded = true }
        unwatch()
    }

    private func watch() throws(Failure) {
        let wants = state.withLock { state in
            guard !state.hasEnded, !state.isWatching, state.credit > 0 else { return false }
            state.isWatching = true
            return true
        }
        guard wants else { return }
        var isWatched = false
        defer { if !isWatched { state.withLock { $0.isWatching = false } } }
        isWatched = try loop.watchInput(descriptor) { [weak self] in self?.serve() }
        if !isWatched { state.withLock { $0.neverBlocks = true } }
    }

    private func unwatch() {
        let isWatched = state.withLock { state in
            defer { state.isWatching = false }
            return state.isWatching
        }
        if isWatched { loop.unwatch(descriptor) }
    }

    private func serve() {
        // The shell may bring a job back to the foreground without sending SIGCONT.
        if Terminal.isSuspended { Terminal.resume() }
        read()
        if !mayRead { unwatch() }
    }

    private func readAll() {
        while mayRead { read() }
    }

    private var mayRead: Bool { state.withLock { !$0.hasEnded && $0.credit > 0 } }

    /// Reads once, and delivers the bytes or the end.
    private func read() {
        let limit = state.withLock { min($0.credit, FrameHeader.payloadLimit(.data)) }
        var result = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            result = unsafe CHost.read(descriptor, buffer.baseAddress, buffer.count)
            count = max(0, result)
        }
        // Another process may share the descriptor and have read the bytes first.
        if result < 0, Errno.current == .interrupted || Errno.current == .wouldBlock { return }
        // Treat every other error as the end of the input.
        state.withLock { state in
            state.credit -= bytes.count
            if bytes.isEmpty { state.hasEnded = true }
        }
        deliver(bytes)
    }
}
