import AgentProtocol
import Host
import Logging
import Machine
import Synchronization

/// Frames from the agent. The guest controls them, so every frame is checked against the phase of the
/// session.
extension ContainerSession {
    /// The maximum number of log lines that are accepted from a guest.
    private static let loggedLineLimit = 200

    public func received(_ bytes: [UInt8]) {
        state.withLock { if $0.phase != .ended { $0.parser.append(bytes) } }
        do throws(SessionError) {
            while let frame = try nextFrame() { try handle(frame) }
        } catch {
            finish(.agentFailed(error.description))
        }
    }

    private func nextFrame() throws(SessionError) -> Frame? {
        try state.withLock { state throws(SessionError) in
            guard state.phase != .ended else { return nil }
            return try SessionError.of { () throws(ProtocolError) in try state.parser.next() }
        }
    }

    private func handle(_ frame: Frame) throws(SessionError) {
        let phase = state.withLock { $0.phase }
        switch (frame.header.kind, phase) {
        case (.hello, .silent): try greet(frame)
        case (.log, let phase) where phase != .silent: log(frame)
        case (.outOfMemory, let phase) where phase != .silent: noteKilled(try value(frame))
        case (.prepared, .greeted): try takePrepared()
        case (.identified, .prepared): takeIdentified()
        case (.started, .identified) where frame.header.process == Self.process: takeStarted()
        case (.failed, .greeted) where frame.header.process == 0,
            (.failed, .prepared) where frame.header.process == 0,
            (.failed, .identified) where frame.header.process <= Self.process:
            leave(.notStarted(try value(frame)))
        case (.exited, .running) where frame.header.process == Self.process:
            timings?.note(.processEnded)
            leave(.exited(try value(frame)))
        case (.data, .running), (.end, .running), (.credit, .running), (.credit, .identified):
            try handleStream(frame)
        default: throw .protocolBroken(.unexpected(frame.header.kind))
        }
    }

    func value<Value: ByteValue>(_ frame: Frame) throws(SessionError) -> Value {
        try SessionError.of { () throws(ProtocolError) in try frame.value(Value.self) }
    }

    private func handleStream(_ frame: Frame) throws(SessionError) {
        let kind = frame.header.stream
        guard frame.header.process == Self.process else {
            throw .protocolBroken(.unexpected(frame.header.kind))
        }
        switch (frame.header.kind, kind) {
        case (.credit, .input):
            let credit: Credit = try value(frame)
            do throws(Failure) { try state.withLock { $0.input }?.add(credit) } catch {
                throw .hostFailed(error)
            }
        case (.end, .input): state.withLock { $0.input }?.stop()
        case (.data, .output), (.data, .error):
            try output(kind) { stream throws(SessionError) in try stream.take(frame.payload) }
        case (.end, .output), (.end, .error):
            try output(kind) { stream throws(SessionError) in try stream.end() }
        default: throw .protocolBroken(.unexpected(frame.header.kind))
        }
    }

    private func output(
        _ kind: StreamKind, _ body: (inout OutputStream) throws(SessionError) -> Void
    ) throws(SessionError) {
        try state.withLock { state throws(SessionError) in
            guard let index = state.outputs.firstIndex(where: { $0.kind == kind }) else {
                throw .protocolBroken(.unknownStream(kind.rawValue))
            }
            try body(&state.outputs[index])
        }
    }

    private func noteKilled(_ end: OutOfMemory) {
        state.withLock { $0.killed.add(end.process) }
    }

    private func log(_ frame: Frame) {
        let count = state.withLock { state in
            state.loggedLineCount = min(state.loggedLineCount + 1, Self.loggedLineLimit + 1)
            return state.loggedLineCount
        }
        guard count <= Self.loggedLineLimit else { return }
        logger.warning("guest: \(String(decoding: frame.payload, as: UTF8.self).printable)")
        if count == Self.loggedLineLimit { logger.warning("further messages of the guest are not shown") }
    }
}
