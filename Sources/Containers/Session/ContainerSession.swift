import AgentProtocol
public import Host
public import Logging
public import Machine
import Synchronization

/// The monitor's side of a container: instructs the guest's agent, carries the streams and signals, and
/// records how the container ends.
///
/// Everything runs on the VM's event loop, except the writing of output (`OutputPump`).
public final class ContainerSession: AgentSession {
    /// The number of the container's first process in the protocol.
    static let process: UInt16 = 1

    /// The time that a reader of the output may make no progress after the VM has ended, in milliseconds.
    private static let readerTimeoutMilliseconds: Int32 = 1000

    /// The descriptors of the container's streams. The caller remains their owner.
    public struct Streams: Sendable {
        public var input: Int32
        public var output: Int32
        public var error: Int32

        public static let standard = Streams(input: 0, output: 1, error: 2)

        public init(input: Int32, output: Int32, error: Int32) {
            self.input = input
            self.output = output
            self.error = error
        }
    }

    /// The steps of the agent, in their order. A restored guest's session begins with `prepared`.
    enum Phase {
        /// Nothing has arrived from the agent.
        case silent
        /// The agent has answered and prepares the guest.
        case greeted
        /// The guest is prepared. It gets its identity and the container.
        case prepared
        /// The guest has its identity. The process was requested.
        case identified
        case running, ended
    }

    struct State {
        var phase: Phase
        var parser = FrameParser()
        var outputs: [OutputStream]
        var end: ContainerEnd?
        /// Whether the agent has reported the start of the process.
        var hasStarted = false
        var loggedLineCount = 0
        var killed = KilledProcesses()
        var link: (any SessionLink)?
        var input: InputPump?
        /// The frames of input that wait until the process was requested. Before that, the agent would drop
        /// them.
        var heldInput: [UInt8] = []
        var signals: SignalDescriptor?
        var timeouts: Timeouts?
        var requests = EndRequests()
        var isLeaving = false
        var shutdownTimer: TimerFD?
        var hangUpTimer: TimerFD?

        /// Collects the progress of all outputs. Returns whether all output has been written.
        mutating func takeProgress() -> Bool {
            for index in outputs.indices { _ = outputs[index].progressFrame() }
            return outputs.allSatisfy(\.isIdle)
        }
    }

    let plan: ContainerPlan
    let streams: Streams
    let logger: Logger
    let timings: Timings?
    let progressEvent: EventFD
    let state: Mutex<State>
    /// Whether one of the streams is a terminal.
    let hasTerminal: Bool
    let clock: Timeouts.Clock
    let isRestored: Bool
    let whenPrepared: (@Sendable () -> Void)?

    /// Makes a session for the container of `plan`.
    ///
    /// If `whenPrepared` is given, the session calls it when the guest has booted and prepared itself, before
    /// it sends anything that belongs to this container. It is called at most once, on the event loop's
    /// thread, and the session goes on when it returns. Meanwhile the agent only waits, so the machine can be
    /// paused, saved and resumed.
    ///
    /// `isRestored` says that the guest was saved at that moment. The session then sends no `hello` and no
    /// `prepare`, expects no answer to them, and never calls `whenPrepared`.
    public convenience init(
        _ plan: ContainerPlan, streams: Streams = .standard, timings: Timings? = nil,
        isRestored: Bool = false, whenPrepared: (@Sendable () -> Void)? = nil, logger: Logger
    ) throws(Failure) {
        try self.init(
            plan, streams: streams, timings: timings, clock: .host, isRestored: isRestored,
            whenPrepared: whenPrepared, logger: logger)
    }

    /// Makes a session. `clock` measures the timeouts of the guest's agent.
    init(
        _ plan: ContainerPlan, streams: Streams, timings: Timings?, clock: Timeouts.Clock,
        isRestored: Bool = false, whenPrepared: (@Sendable () -> Void)? = nil, logger: Logger
    ) throws(Failure) {
        self.isRestored = isRestored
        self.whenPrepared = whenPrepared
        self.clock = clock
        self.plan = plan
        self.streams = streams
        hasTerminal = [streams.input, streams.output, streams.error].contains(where: Terminal.isTerminal)
        self.timings = timings
        self.logger = logger
        let progressEvent = try EventFD()
        self.progressEvent = progressEvent
        var outputs = [OutputStream(.output, to: streams.output, progressEvent: progressEvent)]
        if plan.process.terminal == nil {
            outputs.append(OutputStream(.error, to: streams.error, progressEvent: progressEvent))
        }
        state = Mutex(State(phase: isRestored ? .prepared : .silent, outputs: outputs))
    }

    /// The end of the container; nil if the session has not observed one.
    public var containerEnd: ContainerEnd? { state.withLock { $0.end } }

    /// Whether the guest or its agent failed before the container's process ran.
    var guestFailedToStart: Bool {
        state.withLock { state in
            switch state.end {
            case nil, .agentFailed: !state.hasStarted
            default: false
            }
        }
    }

    public var exitStatus: Int32? { ContainerOutcome(containerEnd, machine: .sessionEnded).status }

    /// The processes that the guest's kernel killed for lack of memory.
    public var killedProcesses: KilledProcesses { state.withLock { $0.killed } }

    /// The error that prevented output of the container from being written; nil if there was none.
    public var outputFailure: Failure? {
        for output in state.withLock({ $0.outputs }) {
            guard let cause = output.pump.failure else { continue }
            let stream = output.kind == .error ? "error" : "output"
            return Failure(.output, "cannot write the container's standard \(stream)", errno: cause)
        }
        return nil
    }

    public func start(_ link: AgentLink) throws(Failure) { try begin(link) }

    public func end() {
        let (link, input, signals, timeouts, outputs) = state.withLock {
            ($0.link, $0.input, $0.signals, $0.timeouts, $0.outputs)
        }
        input?.stop()
        timeouts?.stop()
        if let signals { link?.loop.unwatch(signals.descriptor) }
        link?.loop.unwatch(progressEvent.descriptor)
        flush()
        for output in outputs { output.pump.end() }
        Terminal.leave()
    }

    /// Writes the remaining output if the VM ended before the container. Stops after a second without
    /// progress, and after five seconds in all: a reader that takes a byte now and then must not delay the
    /// end.
    private func flush() {
        let start = MonotonicTime.now()
        while !state.withLock({ $0.takeProgress() }) {
            let passed = MonotonicTime.now().nanoseconds &- start.nanoseconds
            if passed >= 5_000_000 &* UInt64(Self.readerTimeoutMilliseconds) { return }
            if !progressEvent.wait(milliseconds: Self.readerTimeoutMilliseconds) { return }
        }
    }

    /// Sends a frame. Ends the session if the agent has let megabytes of frames pile up: such a guest does
    /// not recover.
    func send(_ bytes: [UInt8]) {
        guard let link = state.withLock({ $0.link }), !link.send(bytes) else { return }
        finish(.agentFailed("its agent does not read what it is sent"))
    }

    /// Ends the session and the VM at once. An end that was recorded earlier stays.
    func finish(_ end: ContainerEnd?) {
        let link = state.withLock { state in
            state.phase = .ended
            if state.end == nil { state.end = end }
            return state.link
        }
        link?.finish(with: .sessionEnded)
    }
}

/// The interface of the VM that a session uses: implemented by `AgentLink`, and by tests.
protocol SessionLink: Sendable {
    var loop: EventLoop { get }
    func send(_ bytes: [UInt8]) -> Bool
    func finish(with end: MachineEnd)
}

extension AgentLink: SessionLink {}

/// The end of a session: the output of the process is written before the VM ends.
extension ContainerSession {
    /// The time that a guest has to write its disk and power off, in milliseconds.
    private static let shutdownMilliseconds = 30_000

    func leave(_ end: ContainerEnd) {
        state.withLock { state in
            state.phase = .ended
            state.end = end
        }
        handleProgress()
    }

    /// Handles the progress of the output threads: sends credit to the agent, or ends the VM when the session
    /// has ended and all output is written.
    func handleProgress() {
        progressEvent.drain()
        let (frames, isDone) = state.withLock { state in
            var frames: [[UInt8]] = []
            for index in state.outputs.indices {
                if let bytes = state.outputs[index].progressFrame() { frames.append(bytes) }
            }
            return (frames, state.phase == .ended && state.outputs.allSatisfy(\.isIdle))
        }
        if isDone { return leaveMachine() }
        for bytes in frames { send(bytes) }
    }

    /// Ends the VM. A guest with a writable disk is asked to shut down first, so that it writes the disk;
    /// without one, the VM ends at once.
    private func leaveMachine() {
        let isFirst = state.withLock { state in
            defer { state.isLeaving = true }
            return !state.isLeaving
        }
        guard isFirst else { return }
        guard plan.writableByteCount != nil, let loop = state.withLock({ $0.link })?.loop,
            let timer = try? TimerFD()
        else { return finish(nil) }
        send(Frame.bytes(FrameHeader(.shutdown)))
        guard (try? loop.watch(timer.descriptor, { [self] in finish(nil) })) != nil else {
            return finish(nil)
        }
        timer.arm(milliseconds: Self.shutdownMilliseconds)
        state.withLock { $0.shutdownTimer = timer }
    }
}
