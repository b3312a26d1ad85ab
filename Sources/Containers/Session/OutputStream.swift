import AgentProtocol
import Host

/// One of the process's streams, from the agent to a descriptor of ours, and the credit that the agent has for it.
struct OutputStream {
    let kind: StreamKind
    let pump: OutputPump
    /// What the agent may still send.
    private var credit = Credit.initial
    /// What was written and is yet to be given as credit.
    private var owed = 0
    private var hasEnded = false
    private(set) var isBroken = false
    private(set) var isIdle = true

    init(_ kind: StreamKind, to descriptor: Int32, bell: EventFD) {
        self.kind = kind
        pump = OutputPump(descriptor: descriptor, named: kind == .error ? "stderr" : "stdout", bell: bell)
    }

    /// Takes what the agent sent: at most what it has credit for.
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

    /// What the agent is to be told of the writer's progress; nil when that is nothing.
    mutating func news() -> [UInt8]? {
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

/// Why a session cannot go on.
enum SessionError: Error {
    case protocolBroken(ProtocolError)
    case wrongVersion(UInt32)
    case hostFailed(Failure)
}
