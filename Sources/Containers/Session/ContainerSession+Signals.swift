import AgentProtocol
import CHost
import Host
import Machine
import Synchronization

/// Signals to this process are forwarded to the container's process, as `docker run` does.
extension ContainerSession {
    /// The signals that are forwarded: all but those of a fault of this program, those that cannot be caught,
    /// SIGCHLD, SIGPIPE and SIGURG, which this program uses itself, and SIGTTIN and SIGTTOU, by which the
    /// kernel stops a background job.
    private static let taken: [Int32] =
        [SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGSTKFLT, SIGCONT, SIGTSTP]
        + [SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR] + Array(34...64)

    /// The time that the process has to end after a hang-up, in milliseconds: the timeout of docker's `stop`.
    private static let hangUpMilliseconds = 10_000

    func watchSignals(_ loop: EventLoop) throws(Failure) {
        let source = try SignalDescriptor(Self.taken)
        try loop.watch(source.descriptor) { [weak self] in
            while let signal = source.next() { self?.receive(signal: signal) }
        }
        state.withLock { $0.signals = source }
    }

    func receive(signal: Int32, at time: MonotonicTime = .now()) {
        switch signal {
        // The user stops the job from a shell: the VM stops with the monitor.
        case SIGTSTP:
            Terminal.stopProcess()
            return goOn()
        case SIGCONT: goOn()
        default: break
        }
        switch state.withLock({ $0.phase }) {
        case .running where isLastRequest(signal, at: time): finish(.forced(signal: signal))
        case .running:
            if signal == SIGHUP { hangUp() }
            forward(signal)
        // No process can receive the signal yet, or any more: a request to end ends the session.
        case .silent, .greeted, .prepared, .identified, .ended:
            if [SIGHUP, SIGINT, SIGQUIT, SIGTERM].contains(signal) { finish(.interrupted(signal: signal)) }
        }
    }

    /// Continues after a stop: makes the terminal raw again, sends its size, which may have changed, and
    /// restarts the timeout, because the guest was stopped too.
    private func goOn() {
        Terminal.resume()
        let (phase, timeouts) = state.withLock { ($0.phase, $0.timeouts) }
        timeouts?.renew()
        if phase == .running, plan.process.terminal != nil { resize() }
    }

    /// Starts a timer that ends the session if the process does not end. After a hang-up the user's terminal
    /// may be gone, and then nobody else can end the process.
    private func hangUp() {
        guard hasTerminal, let loop = state.withLock({ $0.link })?.loop, let timer = try? TimerFD(),
            (try? loop.watch(timer.descriptor, { [weak self] in self?.finish(.hungUp) })) != nil
        else { return }
        timer.arm(milliseconds: Self.hangUpMilliseconds)
        state.withLock { $0.hangUpTimer = timer }
    }

    /// Handles Ctrl-C on a raw terminal, where it is no signal, before the process runs and after its end.
    func takeKeys(_ keys: [UInt8]) {
        guard keys.contains(Terminal.interruptKey), state.withLock({ $0.phase }) != .running else { return }
        receive(signal: SIGINT)
    }

    private func isLastRequest(_ signal: Int32, at time: MonotonicTime) -> Bool {
        guard [SIGHUP, SIGINT, SIGTERM].contains(signal) else { return false }
        return state.withLock { $0.requests.add(at: time) }
    }

    private func forward(_ signal: Int32) {
        if signal == SIGWINCH, plan.process.terminal != nil { return resize() }
        // docker has `stop` for the image's stop signal; here SIGTERM is the only request, so it is
        // translated.
        let number = signal == SIGTERM ? plan.stopSignal : UInt8(signal)
        send(Frame.bytes(FrameHeader(.signal, process: Self.process), Signal(number: number)))
    }

    private func resize() {
        guard let size = Terminal.size(of: streams.output) ?? Terminal.size(of: streams.input) else { return }
        let payload = TerminalSize(columns: size.columns, rows: size.rows)
        send(Frame.bytes(FrameHeader(.resize, process: Self.process), payload))
    }
}

/// The requests to end that were forwarded to the process. The guest or its agent may ignore them; so after
/// `limit` requests within ten seconds the monitor ends the VM itself.
struct EndRequests {
    static let limit = 3
    private static let nanoseconds: UInt64 = 10_000_000_000
    private var times: [MonotonicTime] = []

    /// Records a request at `time`. Returns whether the limit is reached.
    mutating func add(at time: MonotonicTime) -> Bool {
        times.removeAll { time.nanoseconds &- $0.nanoseconds > Self.nanoseconds }
        times.append(time)
        return times.count >= Self.limit
    }
}
