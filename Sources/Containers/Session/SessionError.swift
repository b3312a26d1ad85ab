import AgentProtocol
import Host

/// The reasons why a session cannot continue.
enum SessionError: Error {
    case protocolBroken(ProtocolError)
    case wrongVersion(UInt32)
    case hostFailed(Failure)
}

extension SessionError: CustomStringConvertible {
    static func of<Value>(_ body: () throws(ProtocolError) -> Value) throws(SessionError) -> Value {
        do throws(ProtocolError) { return try body() } catch { throw .protocolBroken(error) }
    }

    var description: String {
        switch self {
        case .wrongVersion(let version):
            "its agent uses protocol version \(version), not \(agentProtocolVersion)"
        case .hostFailed(let failure): failure.description
        case .protocolBroken(let cause): "its agent broke the protocol: \(Self.text(cause))"
        }
    }

    private static func text(_ cause: ProtocolError) -> String {
        switch cause {
        case .unknownKind(let number): "unknown frame kind \(number)"
        case .unknownStream(let number): "unknown stream \(number)"
        case .tooLong(let kind): "frame '\(kind)' is too long"
        case .malformed(let kind): "malformed frame '\(kind)'"
        case .unexpected(let kind): "unexpected frame '\(kind)'"
        case .noCredit(let stream): "more data of stream '\(stream)' than it had credit for"
        }
    }
}
