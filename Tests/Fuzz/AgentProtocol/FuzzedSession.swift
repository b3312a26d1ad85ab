import AgentProtocol
import Host

/// A session of the agent's: the monitor says what the input says, well or badly; the processes do as they
/// like; and a second monitor listens and holds every byte against its credit.
struct FuzzedSession {
    private var steps: ArraySlice<UInt8>
    private var agent = AgentState()
    private var listener = FuzzedListener()
    /// The processes that the agent has been asked for.
    private var processes: [UInt16] = []
    private var hasIdentity = false
    private var isSetUp = false
    private var isOver = false

    init(_ input: [UInt8]) { steps = input[...] }

    mutating func run() {
        while !isOver, let step = steps.popFirst() {
            take(step)
        }
        listen()
    }

    private mutating func byte() -> UInt8 { steps.popFirst() ?? 0 }

    private mutating func number() -> UInt16 { UInt16(byte() % 4) }

    private mutating func stream() -> StreamKind { StreamKind(rawValue: byte() % 3) ?? .output }

    private mutating func size() -> Int { (Int(byte()) << 8) + 1 }

    private mutating func take(_ step: UInt8) {
        switch step % 18 {
        case 0: hear(Frame.bytes(FrameHeader(.hello), Hello()))
        case 1:
            hear(
                Frame.bytes(FrameHeader(.container), ContainerSpecification(hostname: "h", writable: .none)))
        case 2: start()
        case 3: sendInput()
        case 4: hear(Frame.bytes(FrameHeader(.end, process: number(), stream: stream())))
        case 5: sendCredit()
        case 6: hear(Frame.bytes(FrameHeader(.signal, process: number()), Signal(number: 1 + byte() % 64)))
        case 7: hear(Frame.bytes(FrameHeader(.resize, process: number()), TerminalSize(columns: 1, rows: 1)))
        case 8: hearAnything()
        case 9: speak()
        case 10: passInput()
        case 11: if let process = chosen() { agent.closeInput(process) }
        case 12: end { $0.exited($1, .exited(3)) }
        case 13: end { $0.failed($1, StartFailure(.notFound, "no such thing")) }
        case 14:
            agent.log("a line")
            agent.killed(OutOfMemory(process: [byte(), byte()]))
        case 15: listen(atMost: size())
        case 16:
            let layer = Preparation.Layer(rawValue: byte() & 1) ?? .memory
            hear(Frame.bytes(FrameHeader(.prepare), Preparation(layer: layer)))
        default:
            let identity = GuestIdentity(seed: .init(repeating: byte()), seconds: 1, nanoseconds: 2)
            hear(Frame.bytes(FrameHeader(.identity), identity))
        }
    }

    // MARK: - The monitor

    private mutating func hear(_ bytes: [UInt8]) {
        agent.receive(bytes)
        do {
            while let request = try agent.next() { take(request) }
        } catch {
            isOver = true
        }
    }

    private mutating func take(_ request: AgentState.Request) {
        switch request {
        case .prepare:
            precondition(!hasIdentity && !isSetUp, "a preparation that comes late")
            _ = finish { $0.prepared() }
        case .identify:
            precondition(!hasIdentity, "a second identity")
            hasIdentity = finish { $0.identified() }
        case .setUp:
            precondition(
                hasIdentity && !isSetUp, "a container before the guest has its identity, or a second")
            isSetUp = finish { $0.containerReady() }
        case .start(let number, _):
            precondition(isSetUp, "a process without a container")
            precondition(number != 0 && !processes.contains(number), "a number that is in use")
            processes.append(number)
            agent.started(number)
        case .signal(let number, _), .resize(let number, _), .input(let number), .closeOutput(let number, _):
            precondition(processes.contains(number), "a process that there is not")
        case .shutdown: isOver = true
        }
    }

    /// The agent finishes a step of the set-up, or now and then fails. Returns whether it has finished it.
    private mutating func finish(_ report: (inout AgentState) -> Void) -> Bool {
        guard byte() & 7 != 0 else {
            agent.containerFailed(.init(.setUp, "no"))
            return false
        }
        report(&agent)
        return true
    }

    private mutating func start() {
        var process = ProcessSpecification(arguments: ["a"], environment: [], capabilities: .init(0))
        process.hasInput = byte() & 1 == 0
        let number = number()
        if process.hasInput, !processes.contains(number) { listener.giveInputCredit(number) }
        hear(Frame.bytes(FrameHeader(.start, process: number), process))
    }

    /// As much as there is credit for, or now and then too much.
    private mutating func sendInput() {
        listen()
        let number = number()
        let header = FrameHeader(.data, process: number)
        let wanted = min(size(), FrameHeader.payloadLimit(.data))
        let byteCount = byte() == 0 ? wanted : min(wanted, listener.inputCredit[number] ?? 1)
        guard byteCount > 0 else { return }
        listener.inputCredit[number, default: 0] -= byteCount
        hear(Frame.bytes(header, [UInt8](repeating: 1, count: byteCount)))
    }

    private mutating func sendCredit() {
        let (number, stream) = (number(), stream())
        let byteCount = byte() == 0 ? UInt32.max : UInt32(size())
        if processes.contains(number) {
            listener.outputCredit[.init(number, stream), default: Credit.initial] += Int(byteCount)
        }
        hear(
            Frame.bytes(
                FrameHeader(.credit, process: number, stream: stream), Credit(byteCount: byteCount)))
    }

    /// A frame of any kind, but for those that are counted, with any payload.
    private mutating func hearAnything() {
        let (kind, stream, process) = (byte(), byte(), number())
        guard ![FrameKind.start, .data, .credit].contains(FrameKind(rawValue: kind)) else { return }
        let payload = steps.prefix(Int(byte() & 31))
        steps = steps.dropFirst(payload.count)
        let header: [UInt8] = [UInt8(payload.count), 0, 0, 0, kind, stream, UInt8(process), 0]
        hear(header + payload)
    }

    private mutating func listen(atMost byteCount: Int = .max) {
        let bytes = unsafe agent.outgoing.withBytes { unsafe Array($0.prefix(byteCount)) }
        agent.sent(bytes.count)
        listener.hear(bytes)
    }

    // MARK: - The processes

    private mutating func chosen() -> UInt16? {
        processes.isEmpty ? nil : processes[Int(byte()) % processes.count]
    }

    private mutating func speak() {
        guard let process = chosen() else { return }
        let stream: StreamKind = byte() & 1 == 0 ? .output : .error
        let byteCount = min(agent.outputLimit(process, stream), size())
        guard byteCount > 0 else { return }
        let bytes = [UInt8](repeating: 2, count: byteCount)
        unsafe bytes.withUnsafeBytes { unsafe agent.output(process, stream, $0) }
    }

    private mutating func passInput() {
        guard let process = chosen() else { return }
        let byteCount = size()
        unsafe agent.passInput(process) { min($0.count, byteCount) }
    }

    private mutating func end(_ tell: (inout AgentState, UInt16) -> Void) {
        guard let process = chosen() else { return }
        processes.removeAll { $0 == process }
        tell(&agent, process)
        precondition(agent.input(process) == .ended && agent.outputLimit(process, .output) == 0)
        listen()
        listener.forget(process)
    }
}
