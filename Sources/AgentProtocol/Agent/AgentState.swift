#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    public import Host
#endif

/// The agent's side of the protocol, without a single system call. Received bytes become requests, messages
/// become bytes in `outgoing`, and every byte of a stream is counted against its credit. The state knows the
/// processes by their numbers only.
///
/// The required order of frames is `hello`, `prepare`, `identity`, `container`, each of them once, then any
/// number of `start`. They may arrive all at once; the agent carries out each request before it asks for the
/// next. A frame for a process that does not exist, or no longer, is ignored: the monitor sent it before it
/// learned of the end.
public struct AgentState: Sendable {
    /// A request of the monitor.
    public enum Request: Sendable {
        case prepare(Preparation.Layer)
        case identify(GuestIdentity)
        case setUp(ContainerSpecification)
        case start(UInt16, ProcessSpecification)
        case signal(UInt16, Signal)
        case resize(UInt16, TerminalSize)
        /// Bytes for the process's input are waiting, or the input has ended: see `input(_:)`.
        case input(UInt16)
        /// The monitor no longer reads this output.
        case closeOutput(UInt16, StreamKind)
        case shutdown
    }

    enum Phase {
        case silent, greeted, preparing, prepared, identifying, identified, settingUp, ready, failed
    }

    /// The streams of a process, and the credit of each.
    struct Process: Sendable {
        let number: UInt16
        /// Whether `started` has been sent.
        var isStarted = false
        var input = ByteQueue()
        var inputCredit = ReceivingCredit()
        /// Whether the monitor has ended the input.
        var hasInputEnded = false
        /// Whether the process no longer reads its input. Bytes that still arrive are dropped.
        var isInputClosed: Bool
        /// The credit of `output` and of `error`.
        var credit = [SendingCredit(), SendingCredit()]
    }

    /// The largest number of processes at once; a start beyond it is refused.
    public static let processLimit = 256

    /// The bytes to be sent to the monitor.
    public private(set) var outgoing = ByteQueue()
    private var parser = FrameParser()
    private var phase = Phase.silent
    private var layer = Preparation.Layer.memory
    private var processes: [Process] = []

    /// Makes the state, with a `hello` to be sent.
    public init() {
        outgoing.append(Frame.bytes(FrameHeader(.hello), Hello()))
    }

    /// Adds bytes that have arrived. Call `next` until it returns nil before the next call of this method.
    public mutating func receive(_ bytes: some Collection<UInt8>) { parser.append(bytes) }

    /// Returns the next request, or nil if more bytes are needed.
    public mutating func next() throws(ProtocolError) -> Request? {
        while var frame = try parser.next() {
            defer { if frame.header.kind == .identity { frame.erasePayload() } }
            if let request = try handle(frame) { return request }
        }
        return nil
    }

    /// Removes the first `byteCount` bytes of `outgoing`, which were sent.
    public mutating func sent(_ byteCount: Int) { outgoing.removeFirst(byteCount) }
}

// MARK: - Frames from the monitor

extension AgentState {
    private mutating func handle(_ frame: Frame) throws(ProtocolError) -> Request? {
        let process = frame.header.process
        switch (frame.header.kind, phase) {
        case (.hello, .silent):
            // The frames of another version cannot be understood from here on.
            guard try frame.value(Hello.self).version == agentProtocolVersion else {
                throw .malformed(.hello)
            }
            phase = .greeted
            return nil
        case (.shutdown, let phase) where phase != .silent: return .shutdown
        case (.prepare, .greeted), (.identity, .prepared), (.container, .identified):
            return try beginStep(frame)
        case (.start, .ready), (.start, .failed): return try start(frame)
        case (.signal, .ready): return has(process) ? .signal(process, try frame.value(Signal.self)) : nil
        case (.resize, .ready):
            return has(process) ? .resize(process, try frame.value(TerminalSize.self)) : nil
        case (.data, .ready), (.end, .ready), (.credit, .ready): return try handleStream(frame)
        // The monitor sent these before it learned of the failure.
        case (.identity, .failed), (.container, .failed), (.signal, .failed), (.resize, .failed),
            (.data, .failed), (.end, .failed), (.credit, .failed):
            return nil
        default: throw .unexpected(frame.header.kind)
        }
    }

    /// Begins the next step of the set-up.
    private mutating func beginStep(_ frame: Frame) throws(ProtocolError) -> Request {
        switch frame.header.kind {
        case .prepare:
            phase = .preparing
            layer = try frame.value(Preparation.self).layer
            return .prepare(layer)
        case .identity:
            phase = .identifying
            return .identify(try frame.value(GuestIdentity.self))
        default:
            let specification = try frame.value(ContainerSpecification.self)
            // The layer of another kind is mounted already.
            guard Preparation(for: specification).layer == layer else { throw .malformed(.container) }
            phase = .settingUp
            return .setUp(specification)
        }
    }

    private mutating func start(_ frame: Frame) throws(ProtocolError) -> Request? {
        let number = frame.header.process
        guard number != 0, !has(number) else { throw .unexpected(.start) }
        let specification = try frame.value(ProcessSpecification.self)
        guard phase == .ready else { return nil }
        guard processes.count < Self.processLimit else {
            send(.failed, number, StartFailure(.setUp, "more than \(Self.processLimit) processes at once"))
            return nil
        }
        processes.append(Process(number: number, isInputClosed: !specification.hasInput))
        return .start(number, specification)
    }

    private mutating func handleStream(_ frame: Frame) throws(ProtocolError) -> Request? {
        let (kind, stream) = (frame.header.kind, frame.header.stream)
        guard let index = index(frame.header.process) else { return nil }
        switch (kind, stream) {
        case (.data, .input): return try receiveInput(frame, index)
        case (.end, .input):
            guard !processes[index].hasInputEnded else { throw .unexpected(.end) }
            processes[index].hasInputEnded = true
            return processes[index].isInputClosed ? nil : .input(frame.header.process)
        case (.credit, .output), (.credit, .error):
            processes[index].credit[Self.position(stream)].add(try frame.value(Credit.self))
            return nil
        case (.end, .output), (.end, .error): return .closeOutput(frame.header.process, stream)
        default: throw .unexpected(kind)
        }
    }

    private mutating func receiveInput(_ frame: Frame, _ index: Int) throws(ProtocolError) -> Request? {
        guard !frame.payload.isEmpty, !processes[index].hasInputEnded else { throw .unexpected(.data) }
        guard processes[index].inputCredit.receive(frame.payload.count) else { throw .noCredit(.input) }
        guard !processes[index].isInputClosed else { return nil }
        processes[index].input.append(frame.payload)
        return .input(frame.header.process)
    }
}

// MARK: - Frames to the monitor

extension AgentState {
    /// Reports that the preparation is done.
    public mutating func prepared() { report(.prepared, as: .prepared) }

    /// Reports that the guest has its identity: the generator is reseeded and the clock is set.
    public mutating func identified() { report(.identified, as: .identified) }

    private mutating func report(_ kind: FrameKind, as phase: Phase) {
        self.phase = phase
        outgoing.append(Frame.bytes(FrameHeader(kind)))
    }

    /// Records that the container is set up: processes may be started.
    public mutating func containerReady() { phase = .ready }

    /// Reports that a step of the set-up failed: the preparation, the identity or the container. No process
    /// can be started any more.
    public mutating func containerFailed(_ failure: StartFailure) {
        phase = .failed
        send(.failed, 0, failure)
    }

    public mutating func started(_ process: UInt16) {
        if let index = index(process) { processes[index].isStarted = true }
        outgoing.append(Frame.bytes(FrameHeader(.started, process: process)))
    }

    /// Reports that the process could not be started. Its number is free.
    public mutating func failed(_ process: UInt16, _ failure: StartFailure) {
        remove(process)
        send(.failed, process, failure)
    }

    /// Reports that the process and its streams have ended. Its number is free.
    public mutating func exited(_ process: UInt16, _ status: ExitStatus) {
        remove(process)
        send(.exited, process, status)
    }

    /// Sends a line for the monitor's log.
    public mutating func log(_ line: String) {
        let text = line.utf8.prefix(FrameHeader.payloadLimit(.log))
        outgoing.append(Frame.bytes(FrameHeader(.log), Array(text)))
    }

    /// Reports that the kernel has killed a process for lack of memory.
    public mutating func killed(_ end: OutOfMemory) {
        // Until the monitor's hello has arrived, the agent may send only its own hello.
        if phase != .silent { send(.outOfMemory, 0, end) }
    }

    /// Returns the number of bytes of the stream that may be sent in one frame now. It is 0 before `started`:
    /// a terminal echoes input that arrives before the process runs, and the monitor refuses output of a
    /// process that it does not know to be running.
    public func outputLimit(_ process: UInt16, _ stream: StreamKind) -> Int {
        guard let index = index(process), processes[index].isStarted else { return 0 }
        return min(FrameHeader.payloadLimit(.data), processes[index].credit[Self.position(stream)].byteCount)
    }

    /// Sends bytes of the stream, at least one and at most `outputLimit`.
    public mutating func output(_ process: UInt16, _ stream: StreamKind, _ bytes: UnsafeRawBufferPointer) {
        guard let index = index(process) else { return }
        processes[index].credit[Self.position(stream)].spend(bytes.count)
        let header = FrameHeader(.data, process: process, stream: stream)
        outgoing.append(Frame.headerBytes(header, payloadByteCount: bytes.count))
        unsafe outgoing.append(bytes)
    }

    public mutating func endOutput(_ process: UInt16, _ stream: StreamKind) {
        outgoing.append(Frame.bytes(FrameHeader(.end, process: process, stream: stream)))
    }

    private mutating func send(_ kind: FrameKind, _ process: UInt16, _ value: some ByteValue) {
        outgoing.append(Frame.bytes(FrameHeader(kind, process: process), value))
    }
}

// MARK: - Inputs

extension AgentState {
    /// The state of a process's input.
    public enum Input: Sendable {
        /// All bytes that have arrived were passed on.
        case empty
        case waiting
        /// All bytes were passed on, and no more will arrive.
        case ended
    }

    public func input(_ process: UInt16) -> Input {
        guard let index = index(process) else { return .ended }
        if !processes[index].input.isEmpty { return .waiting }
        return processes[index].hasInputEnded ? .ended : .empty
    }

    /// Calls `write` with the waiting input of the process. `write` returns the number of bytes that it has
    /// written, for which the monitor is granted credit.
    public mutating func passInput(_ process: UInt16, _ write: (UnsafeRawBufferPointer) -> Int) {
        guard let index = index(process) else { return }
        let byteCount = unsafe processes[index].input.withBytes { unsafe write($0) }
        guard byteCount > 0 else { return }
        processes[index].input.removeFirst(byteCount)
        guard let credit = processes[index].inputCredit.passOn(byteCount), !processes[index].hasInputEnded
        else { return }
        let header = FrameHeader(.credit, process: process, stream: .input)
        outgoing.append(Frame.bytes(header, credit))
    }

    /// Drops the input of a process that no longer reads it. Ends the stream, unless the monitor has ended it
    /// already.
    public mutating func closeInput(_ process: UInt16) {
        guard let index = index(process), !processes[index].isInputClosed else { return }
        processes[index].isInputClosed = true
        processes[index].input.removeAll()
        if !processes[index].hasInputEnded {
            outgoing.append(Frame.bytes(FrameHeader(.end, process: process, stream: .input)))
        }
    }
}

// MARK: - The table

extension AgentState {
    private func index(_ process: UInt16) -> Int? { processes.firstIndex { $0.number == process } }

    private func has(_ process: UInt16) -> Bool { index(process) != nil }

    private mutating func remove(_ process: UInt16) {
        if let index = index(process) { processes.remove(at: index) }
    }

    private static func position(_ stream: StreamKind) -> Int { stream == .error ? 1 : 0 }
}
