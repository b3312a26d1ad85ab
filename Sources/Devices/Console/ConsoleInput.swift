import CHost
public import Host
import Synchronization
import SystemPackage

/// Passes the user's input, typed or piped in, to the guest. The event loop's thread reads it, and only while
/// the guest has room.
///
/// A terminal is read even when the guest takes nothing, so that the monitor's own keys always work. Input
/// for which the guest has no room is then dropped, as a terminal's own queue does.
///
/// Life cycle:
/// - build: `init` reads nothing.
/// - run: `start` begins to read, and passes input to the receiver on the event loop's thread.
/// - pause: the machine calls `pause` before it reads the state of a device. After the return the receiver
///   gets no input until `resume`. Input waits in its descriptor meanwhile, or as typed ahead at a terminal.
/// - save, restore: the input is the host's. It is no part of a saved machine, not even the bytes that were
///   read and that the guest had no room for: they stay with the machine that goes on. A restored machine
///   begins with a new object and the input of its own process.
/// - end: `stop`.
public final class ConsoleInput: Sendable {
    /// The largest number of bytes that wait for the guest.
    static let pendingByteCount = 4096

    private struct State {
        var filter = EscapeFilter()
        var pending: [UInt8] = []
        var isWatching = false
        var isPaused = false
        var isAtEnd = false
    }

    private let descriptor: Int32
    private let hasEscapes: Bool
    private let loop: EventLoop
    private let receiver: any ConsoleReceiver
    private let onCommand: @Sendable (ConsoleCommand) -> Void
    private let onFailure: @Sendable (Failure) -> Void
    private let state = Mutex(State())
    /// Signalled when the guest has room again. For a descriptor that epoll refuses, also signalled to read
    /// more.
    private let room: EventFD
    private let isStarved = Atomic<Bool>(false)
    /// Whether `descriptor` never blocks: epoll(7) refuses regular files and /dev/null. Such input is read
    /// whenever there is room.
    private let neverBlocks = Atomic<Bool>(false)

    /// Makes the input without reading from it yet.
    ///
    /// - descriptor: stays the caller's and must outlive `stop`.
    /// - hasEscapes: whether Ctrl-A belongs to the monitor (a terminal) or to the guest.
    /// - onCommand: called on the loop's thread.
    /// - onFailure: called once, on the loop's thread, if input ends because the host cannot watch
    ///   `descriptor`.
    public init(
        descriptor: Int32, hasEscapes: Bool, loop: EventLoop, receiver: any ConsoleReceiver,
        onCommand: @escaping @Sendable (ConsoleCommand) -> Void,
        onFailure: @escaping @Sendable (Failure) -> Void = { _ in }
    ) throws(Failure) {
        self.descriptor = descriptor
        self.hasEscapes = hasEscapes
        self.loop = loop
        self.receiver = receiver
        self.onCommand = onCommand
        self.onFailure = onFailure
        room = try EventFD()
    }

    /// Starts reading.
    public func start() throws(Failure) {
        receiver.whenRoomAppears { [weak self] in self?.roomAppeared() }
        try loop.watch(room.descriptor) { [weak self] in self?.serveRoom() }
        try state.withLock { (state) throws(Failure) in try watchInput(&state) }
    }

    /// Stops reading.
    public func stop() {
        state.withLock { state in
            state.isAtEnd = true
            unwatchInput(&state)
        }
        loop.unwatch(room.descriptor)
    }

    /// Stops passing input to the guest until `resume`. The monitor's own keys still work.
    public func pause() {
        state.withLock { $0.isPaused = true }
    }

    /// Passes input on again, first what has waited since `pause`.
    public func resume() {
        state.withLock { $0.isPaused = false }
        room.signal()
    }

    private func roomAppeared() {
        if isStarved.exchange(false, ordering: .acquiringAndReleasing) { room.signal() }
    }

    private func serveRoom() {
        room.drain()
        let mayRead = state.withLock { state in
            deliver(&state)
            settle(&state)
            return neverBlocks.load(ordering: .relaxed) && state.pending.isEmpty && !state.isAtEnd
        }
        if mayRead { serveInput() }
    }

    private func serveInput() {
        // The user has brought the process back to the foreground without a signal.
        if hasEscapes, Terminal.isSuspended { Terminal.resume() }
        let commands = state.withLock { state in
            let commands = readInput(&state)
            deliver(&state)
            settle(&state)
            return commands
        }
        commands.forEach(onCommand)
    }
}

extension ConsoleInput {
    /// Reads once. The guest's bytes go to `pending`; the result is the monitor's commands.
    private func readInput(_ state: inout State) -> [ConsoleCommand] {
        guard !state.isAtEnd else { return [] }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        if count < 0, Errno.current == .interrupted || Errno.current == .wouldBlock { return [] }
        guard count > 0 else {
            state.isAtEnd = true  // the other end has closed: the guest gets no more input
            return []
        }
        return filter(bytes[..<count], &state)
    }

    private func filter(_ bytes: ArraySlice<UInt8>, _ state: inout State) -> [ConsoleCommand] {
        guard hasEscapes else {
            state.pending += bytes
            return []
        }
        var commands: [ConsoleCommand] = []
        for byte in bytes {
            switch state.filter.feed(byte) {
            case .send(let sent) where state.pending.count < Self.pendingByteCount: state.pending += sent
            case .command(let command): commands.append(command)
            case .send, .wait: break
            }
        }
        return commands
    }

    private func deliver(_ state: inout State) {
        guard !state.pending.isEmpty, !state.isPaused else { return }
        // The store comes before the attempt, so that room that appears right after it is not missed.
        isStarved.store(true, ordering: .sequentiallyConsistent)
        state.pending.removeFirst(receiver.receive(state.pending[...]))
        if state.pending.isEmpty { isStarved.store(false, ordering: .sequentiallyConsistent) }
    }

    /// Starts or stops watching the input, depending on the room in `pending`.
    private func settle(_ state: inout State) {
        let wantsInput = !state.isAtEnd && (hasEscapes || state.pending.isEmpty)
        if neverBlocks.load(ordering: .relaxed) {
            if wantsInput { room.signal() }
        } else if wantsInput {
            do throws(Failure) {
                try watchInput(&state)
            } catch {
                state.isAtEnd = true
                onFailure(error)
            }
        } else {
            unwatchInput(&state)
        }
    }

    /// Watches the input, or notes that it never blocks.
    private func watchInput(_ state: inout State) throws(Failure) {
        guard !state.isWatching else { return }
        state.isWatching = try loop.watchInput(descriptor) { [weak self] in self?.serveInput() }
        guard !state.isWatching else { return }
        neverBlocks.store(true, ordering: .relaxed)
        room.signal()
    }

    private func unwatchInput(_ state: inout State) {
        guard state.isWatching else { return }
        state.isWatching = false
        loop.unwatch(descriptor)
    }
}
