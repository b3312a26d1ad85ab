import AgentProtocol
import Host

/// An output stream of the process: passes bytes from the agent to a descriptor, and keeps the agent's
/// credit.
struct OutputStream {
    let kind: StreamKind
    let pump: OutputPump
    /// The number of bytes that the agent may still send.
    private var credit = Credit.initial
    /// The number of bytes that were written and not yet returned as credit.
    private var owed = 0
    private var hasEnded = false
    private(set) var isBroken = false
    private(set) var isIdle = true

    init(_ kind: StreamKind, to descriptor: Int32, progressEvent: EventFD) {
        self.kind = kind
        pump = OutputPump(
            descriptor: descriptor, named: kind == .error ? "stderr" : "stdout", progressEvent: progressEvent)
    }

    /// Accepts bytes from the agent. Throws if they exceed its credit.
    mutating func take(_ bytes: [UInt8]) throws(SessionError) {
        guard !hasEnded else { throw .protocolBroken(.unexpected(.data)) }
        guard !bytes.isEmpty else { throw .protocolBroken(.malformed(.data)) }
        guard bytes.count <= credit else { throw .protocolBroken(.noCredit(kind)) }
        credit -= bytes.count
        isIdle = false
        do throws(Failure) { try pump.append(bytes) } catch { throw .hostFailed(error) }
    }

    mutating func end() throws(SessionError) {
        if hasEnded { throw .protocolBroken(.unexpected(.end)) }
        hasEnded = true
    }

    /// Returns the frame that reports the writer's progress to the agent; nil if none is due.
    mutating func progressFrame() -> [UInt8]? {
        let progress = pump.progress()
        isIdle = progress.isIdle
        owed += progress.writtenByteCount
        let header = FrameHeader(.credit, process: ContainerSession.process, stream: kind)
        if progress.cause != nil, !isBroken {
            isBroken = true
            return Frame.bytes(FrameHeader(.end, process: ContainerSession.process, stream: kind))
        }
        guard owed >= OutputPump.noticeableByteCount, !hasEnded else { return nil }
        let credit = Credit(byteCount: UInt32(owed))
        self.credit += owed
        owed = 0
        return Frame.bytes(header, credit)
    }
}
