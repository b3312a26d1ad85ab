import AgentProtocol
import CHost
import Host
import Machine
import Synchronization

/// The signals that we get are the process's, as `docker run` has it.
extension ContainerSession {
    /// Not those of a fault of ours, those that nobody can catch, SIGCHLD, SIGPIPE and SIGURG, which are this program's
    /// own, and those by which a shell stops what reads or writes in the background.
    private static let taken: [Int32] =
        [SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGSTKFLT, SIGCONT, SIGTSTP]
        + [SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR] + Array(34...64)

    /// How long a process has after a hang-up, as long as docker's `stop` waits.
    private static let hangUpMilliseconds = 10_000

    func watchSignals(_ loop: EventLoop) throws(Failure) {
        let source = try SignalDescriptor(Self.taken)
        try loop.watch(source.descriptor) { [weak self] in
            while let signal = source.next() { self?.take(signal: signal) }
        }
        state.withLock { $0.signals = source }
    }

    func take(signal: Int32, at time: MonotonicTime = .now()) {
        switch signal {
        // A shell's user wants the job to stop, and its machine is stopped with it.
        case SIGTSTP:
            Terminal.stopProcess()
            return goOn()
        case SIGCONT: goOn()
        default: break
        }
        switch state.withLock({ $0.phase }) {
        case .running where insists(signal, at: time): finish(.forced(signal: signal))
        case .running:
            if signal == SIGHUP { hangUp() }
            forward(signal)
        // Nothing runs that could take it: a request to end is for us.
        case .silent, .greeted, .ended:
            if [SIGHUP, SIGINT, SIGQUIT, SIGTERM].contains(signal) { finish(.interrupted(signal: signal)) }
        }
    }

    /// The process goes on after a stop: the terminal is the container's again, and may have another size. What was waited for
    /// has waited too.
    private func goOn() {
        Terminal.resume()
        let (phase, patience) = state.withLock { ($0.phase, $0.patience) }
        patience?.renew()
        if phase == .running, plan.process.terminal != nil { resize() }
    }

    /// The terminal that somebody sat at may be gone. A process that does not end then has nobody left who could end it.
    private func hangUp() {
        guard hasTerminal, let loop = state.withLock({ $0.link })?.loop, let timer = try? TimerFD(),
            (try? loop.watch(timer.descriptor, { [weak self] in self?.finish(.hungUp) })) != nil
        else { return }
        timer.arm(milliseconds: Self.hangUpMilliseconds)
        state.withLock { $0.hangUpTimer = timer }
    }

    /// Ctrl-C on a terminal that is raw. Before the process runs, and after it, nobody else would heed it.
    func takeKeys(_ keys: [UInt8]) {
        guard keys.contains(Terminal.interruptKey), state.withLock({ $0.phase }) != .running else { return }
        take(signal: SIGINT)
    }

    private func insists(_ signal: Int32, at time: MonotonicTime) -> Bool {
        guard [SIGHUP, SIGINT, SIGTERM].contains(signal) else { return false }
        return state.withLock { $0.requests.add(at: time) }
    }

    private func forward(_ signal: Int32) {
        if signal == SIGWINCH, plan.process.terminal != nil { return resize() }
        // There is no other way to ask a container to stop, so SIGTERM asks in the way that the image wants.
        let number = signal == SIGTERM ? plan.stopSignal : UInt8(signal)
        send(Frame.bytes(FrameHeader(.signal, process: Self.process), Signal(number: number)))
    }

    private func resize() {
        guard let size = Terminal.size(of: streams.output) ?? Terminal.size(of: streams.input) else { return }
        let payload = TerminalSize(columns: size.columns, rows: size.rows)
        send(Frame.bytes(FrameHeader(.resize, process: Self.process), payload))
    }
}

/// Requests to end that went to the process. A guest may ignore them, or its agent may; so many in a short time are not for
/// the guest any more.
struct EndRequests {
    static let limit = 3
    private static let nanoseconds: UInt64 = 10_000_000_000
    private var times: [MonotonicTime] = []

    /// Whether this is the last one that is waited for.
    mutating func add(at time: MonotonicTime) -> Bool {
        times.removeAll { time.nanoseconds &- $0.nanoseconds > Self.nanoseconds }
        times.append(time)
        return times.count >= Self.limit
    }
}
