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

    enum Phase { case silent, greeted, running, ended }

    struct State {
        var phase = Phase.silent
        var parser = FrameParser()
        var outputs: [OutputStream]
        var end: ContainerEnd?
        var loggedLineCount = 0
        var killed = KilledProcesses()
        var link: (any SessionLink)?
        var input: InputPump?
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
    private let clock: Timeouts.Clock

    public convenience init(
        _ plan: ContainerPlan, streams: Streams = .standard, timings: Timings? = nil, logger: Logger
    ) throws(Failure) {
        try self.init(plan, streams: streams, timings: timings, clock: .host, logger: logger)
    }

    /// Makes a session. `clock` measures the timeouts of the guest's agent.
    init(
        _ plan: ContainerPlan, streams: Streams, timings: Timings?, clock: Timeouts.Clock, logger: Logger
    ) throws(Failure) {
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
        state = Mutex(State(outputs: outputs))
    }

    /// The end of the container; nil if the session has not observed one.
    public var containerEnd: ContainerEnd? { state.withLock { $0.end } }

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

    /// Sends all instructions to the agent at once, since none depends on an answer, and starts watching
    /// signals, output and input.
    func begin(_ link: any SessionLink) throws(Failure) {
        state.withLock { $0.link = link }
        send(Frame.bytes(FrameHeader(.hello), Hello()))
        send(Frame.bytes(FrameHeader(.container), plan.container))
        send(Frame.bytes(FrameHeader(.start, process: Self.process), plan.process))
        try link.loop.watch(progressEvent.descriptor) { [weak self] in self?.handleProgress() }
        try watchSignals(link.loop)
        let timeouts = try Timeouts(loop: link.loop, clock: clock) { [weak self] in self?.giveUp() }
        state.withLock { $0.timeouts = timeouts }
        if plan.process.hasInput { try startInput(link.loop) }
    }

    /// Ends the session because the agent has not started the process within the timeout.
    private func giveUp() {
        let phase = state.withLock { $0.phase }
        guard phase == .silent || phase == .greeted else { return }
        let fault = phase == .silent ? "does not answer" : "answers, but does not start the process"
        finish(.agentFailed("its agent \(fault); --append loglevel=7 shows its kernel's messages"))
    }

    private func startInput(_ loop: EventLoop) throws(Failure) {
        let isRaw = plan.process.terminal != nil && Terminal.isTerminal(streams.input)
        if isRaw { try Terminal.makeRaw(streams.input) }
        let header = FrameHeader(.data, process: Self.process, stream: .input)
        let pump = InputPump(descriptor: streams.input, loop: loop) { [weak self] bytes in
            guard !bytes.isEmpty else {
                self?.send(Frame.bytes(FrameHeader(.end, process: Self.process, stream: .input)))
                return
            }
            if isRaw { self?.takeKeys(bytes) }
            self?.send(Frame.bytes(header, bytes))
        }
        state.withLock { $0.input = pump }
        try pump.start()
    }

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
