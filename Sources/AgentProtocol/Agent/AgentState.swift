#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    import Host
#endif

/// The agent's side of the protocol without a single system call: what has come becomes requests, what is to be said
/// becomes bytes in `outgoing`, and every byte of a stream is held against its credit. It knows which processes there
/// are, not what they are.
///
/// The order that it insists on: `hello`, then one `container`, then `start`s. All of it may come at once.
/// A frame for a process that there is not, or not any more, is passed over: it was sent before its end was heard of.
public struct AgentState: Sendable {
    /// What the monitor wants done.
    public enum Request: Sendable {
        case setUp(ContainerSpecification)
        case start(UInt16, ProcessSpecification)
        case signal(UInt16, Signal)
        case resize(UInt16, TerminalSize)
        /// Bytes for the process's input wait, or it has ended: see `inputs`.
        case input(UInt16)
        /// Nobody reads that output any more.
        case closeOutput(UInt16, StreamKind)
        case shutdown
    }

    enum Phase { case silent, greeted, settingUp, ready, failed }

    /// A process's streams.
    struct Process: Sendable {
        let number: UInt16
        /// `started` has been sent.
        var isStarted = false
        var input = ByteQueue()
        var inputCredit = ReceivingCredit()
        /// The monitor has said so.
        var hasInputEnded = false
        /// Nobody reads it any more: what still comes is dropped.
        var isInputClosed: Bool
        /// Of `output` and of `error`.
        var credit = [SendingCredit(), SendingCredit()]
    }

    /// More processes at once than this are refused.
    public static let processLimit = 256

    /// What is to go to the monitor.
    public private(set) var outgoing = ByteQueue()
    private var parser = FrameParser()
    private var phase = Phase.silent
    private var processes: [Process] = []

    /// Says hello.
    public init() {
        outgoing.append(Frame.bytes(FrameHeader(.hello), Hello()))
    }

    /// Takes what has arrived. Call `next` until it gives nil before the next call of this.
    public mutating func receive(_ bytes: some Collection<UInt8>) { parser.append(bytes) }

    /// The next request; nil when more has to arrive first.
    public mutating func next() throws(ProtocolError) -> Request? {
        while let frame = try parser.next() {
            if let request = try heed(frame) { return request }
        }
        return nil
    }

    /// So many bytes of `outgoing` have gone.
    public mutating func sent(_ byteCount: Int) { outgoing.removeFirst(byteCount) }
}

// MARK: - What the monitor says

extension AgentState {
    private mutating func heed(_ frame: Frame) throws(ProtocolError) -> Request? {
        let process = frame.header.process
        switch (frame.header.kind, phase) {
        case (.hello, .silent):
            // Whoever speaks another version cannot be understood from here on.
            guard try frame.value(Hello.self).version == agentProtocolVersion else {
                throw .malformed(.hello)
            }
            phase = .greeted
            return nil
        case (.shutdown, let phase) where phase != .silent: return .shutdown
        case (.container, .greeted):
            phase = .settingUp
            return .setUp(try frame.value(ContainerSpecification.self))
        case (.start, .ready), (.start, .failed): return try start(frame)
        case (.signal, .ready): return has(process) ? .signal(process, try frame.value(Signal.self)) : nil
        case (.resize, .ready):
            return has(process) ? .resize(process, try frame.value(TerminalSize.self)) : nil
        case (.data, .ready), (.end, .ready), (.credit, .ready): return try heedStream(frame)
        // Sent before it was heard that there is no container.
        case (.signal, .failed), (.resize, .failed), (.data, .failed), (.end, .failed), (.credit, .failed):
            return nil
        default: throw .unexpected(frame.header.kind)
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

    private mutating func heedStream(_ frame: Frame) throws(ProtocolError) -> Request? {
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

// MARK: - What the agent says

extension AgentState {
    /// The container is there: processes may be started.
    public mutating func containerReady() { phase = .ready }

    /// There is no container, and there will be none.
    public mutating func containerFailed(_ failure: StartFailure) {
        phase = .failed
        send(.failed, 0, failure)
    }

    public mutating func started(_ process: UInt16) {
        if let index = index(process) { processes[index].isStarted = true }
        outgoing.append(Frame.bytes(FrameHeader(.started, process: process)))
    }

    /// The process did not come to be; its number is free.
    public mutating func failed(_ process: UInt16, _ failure: StartFailure) {
        remove(process)
        send(.failed, process, failure)
    }

    /// The process is gone, and its streams have ended; its number is free.
    public mutating func exited(_ process: UInt16, _ status: ExitStatus) {
        remove(process)
        send(.exited, process, status)
    }

    /// A line for the monitor's log.
    public mutating func log(_ line: String) {
        let text = line.utf8.prefix(FrameHeader.payloadLimit(.log))
        outgoing.append(Frame.bytes(FrameHeader(.log), Array(text)))
    }

    /// The kernel has killed a process for lack of memory.
    public mutating func killed(_ end: OutOfMemory) {
        // Before the monitor's hello nothing else may be said.
        if phase != .silent { send(.outOfMemory, 0, end) }
    }

    /// How many bytes of the stream may be sent in one frame now. None before `started`: a terminal echoes input that comes
    /// before the process runs, and the monitor takes no output of a process that it does not know to be running.
    public func outputLimit(_ process: UInt16, _ stream: StreamKind) -> Int {
        guard let index = index(process), processes[index].isStarted else { return 0 }
        return min(FrameHeader.payloadLimit(.data), processes[index].credit[Self.position(stream)].byteCount)
    }

    /// Sends bytes of the stream, not none and at most `outputLimit`.
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
    /// What a process has still to read.
    public enum Input: Sendable {
        /// Nothing has come that was not passed on.
        case empty
        case waiting
        /// All was passed on, and nothing more will come.
        case ended
    }

    public func input(_ process: UInt16) -> Input {
        guard let index = index(process) else { return .ended }
        if !processes[index].input.isEmpty { return .waiting }
        return processes[index].hasInputEnded ? .ended : .empty
    }

    /// Lends what waits for the process to `write`, which says how much of it went, and gives credit for that.
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

    /// Nobody reads the process's input any more. The monitor is told, unless it has ended the stream itself.
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
