import AgentProtocol
import CHost
import Host
import Synchronization
import SystemPackage

/// Takes what we are given to the process: as much as there is credit for, and the end when it comes. Everything happens
/// on the loop's thread.
final class InputPump: Sendable {
    private struct State {
        var credit = Credit.initial
        var isWatching = false
        var hasEnded = false
        /// epoll(7) refuses regular files and /dev/null: they are always readable.
        var neverBlocks = false
    }

    /// More than this is never under way, whatever the agent says it takes.
    static let creditLimit = 4 << 20

    private let descriptor: Int32
    private let loop: EventLoop
    private let state = Mutex(State())
    private var neverBlocks: Bool { state.withLock { $0.neverBlocks } }
    /// Called with what was read; with nothing at the end.
    private let deliver: @Sendable ([UInt8]) -> Void

    init(descriptor: Int32, loop: EventLoop, deliver: @escaping @Sendable ([UInt8]) -> Void) {
        self.descriptor = descriptor
        self.loop = loop
        self.deliver = deliver
    }

    /// Begins to read. It fails, as `add` does, where the host cannot watch the descriptor.
    func start() throws(Failure) {
        try watch()
        if neverBlocks { readAll() }
    }

    /// The process takes so many bytes more.
    func add(_ credit: Credit) throws(Failure) {
        // Neither of the two is larger than 2^32.
        state.withLock { $0.credit = min(Self.creditLimit, $0.credit + Int(credit.byteCount)) }
        if neverBlocks { readAll() } else { try watch() }
    }

    /// Reads no more.
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
        do throws(Failure) {
            try loop.watch(descriptor) { [weak self] in self?.serve() }
        } catch {
            // Any other error leaves open whether a read blocks, and the loop must not wait for a key.
            let neverBlocks = error.errno == .notPermitted
            state.withLock { state in
                state.isWatching = false
                state.neverBlocks = neverBlocks
            }
            if !neverBlocks { throw error }
        }
    }

    private func unwatch() {
        let isWatched = state.withLock { state in
            defer { state.isWatching = false }
            return state.isWatching
        }
        if isWatched { loop.unwatch(descriptor) }
    }

    private func serve() {
        // Brought back to the foreground without a signal.
        if Terminal.isSuspended { Terminal.resume() }
        read()
        if !mayRead { unwatch() }
    }

    private func readAll() {
        while mayRead { read() }
    }

    private var mayRead: Bool { state.withLock { !$0.hasEnded && $0.credit > 0 } }

    /// Reads once.
    private func read() {
        let limit = state.withLock { min($0.credit, FrameHeader.payloadLimit(.data)) }
        var result = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            result = unsafe CHost.read(descriptor, buffer.baseAddress, buffer.count)
            count = max(0, result)
        }
        // Another process may have read what was there for both of us.
        if result < 0, Errno.current == .interrupted || Errno.current == .wouldBlock { return }
        // Whatever is the matter with it, there will be no more.
        state.withLock { state in
            state.credit -= bytes.count
            if bytes.isEmpty { state.hasEnded = true }
        }
        deliver(bytes)
    }
}
