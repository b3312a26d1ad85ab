public import AgentProtocol
public import Host
public import Machine

/// How a container came to its end, as far as its session knows.
public enum ContainerEnd: Sendable {
    /// Its process ended.
    case exited(ExitStatus)
    /// It or its process could not be started.
    case notStarted(StartFailure)
    /// A signal came before its process ran, or while nothing was left to do but to wait for a reader.
    case interrupted(signal: Int32)
    /// Its process, or its guest, did not heed the signals that asked for an end.
    case forced(signal: Int32)
    /// Its process did not end after a hang-up of the terminal.
    case hungUp
    /// The guest's agent said what it must not say, or nothing at all: a line of ours.
    case agentFailed(String)
}

/// What the user is told, and the exit status.
public struct ContainerOutcome: Hashable, Sendable {
    public let status: Int32
    /// Without the name of the program; nil where the container has said all there is to say.
    public let message: String?
    /// Whether the last lines of the guest's kernel help to understand it.
    public let wantsConsole: Bool

    /// The status of every failure that is not the process's own.
    static let failureStatus: Int32 = 125

    init(_ status: Int32, _ message: String? = nil, wantsConsole: Bool = false) {
        self.status = status
        self.message = message
        self.wantsConsole = wantsConsole
    }

    private static func failed(_ message: String) -> ContainerOutcome {
        ContainerOutcome(failureStatus, message, wantsConsole: true)
    }

    /// The outcome of a session that ended as `end`, or that had not when its machine ended.
    public init(_ end: ContainerEnd?, machine: MachineEnd) {
        switch end {
        case .exited(.exited(let status)): self.init(Int32(status))
        case .exited(.signaled(let number)): self.init(128 + Int32(number))
        case .interrupted(let signal): self.init(128 + signal)
        case .forced(let signal):
            self.init(
                128 + signal,
                "the container's machine was ended: \(EndRequests.limit) signals to end came within ten seconds"
            )
        case .hungUp:
            self.init(
                128 + 1,
                "the container's machine was ended: its process went on for ten seconds after a hang-up")
        case .notStarted(let failure): self.init(Self.status(failure.reason), failure.message.printable)
        case .agentFailed(let why): self = Self.failed("the container's machine failed: \(why)")
        case nil: self = Self.ofMachine(machine)
        }
    }

    /// The same, with a word about output that could not be written. A process that ended with 0 has not done what it was
    /// for then; any other status tells that already, and stays.
    public func noting(outputFailure failure: Failure?) -> ContainerOutcome {
        guard let failure else { return self }
        let text = message.map { $0 + "\nvmm: " + failure.description } ?? failure.description
        return ContainerOutcome(status == 0 ? Self.failureStatus : status, text, wantsConsole: wantsConsole)
    }

    private static func status(_ reason: StartFailure.Reason) -> Int32 {
        switch reason {
        case .setUp: failureStatus
        case .notExecutable: 126
        case .notFound: 127
        }
    }

    private static func ofMachine(_ end: MachineEnd) -> ContainerOutcome {
        if case .failed(let failure) = end { return ContainerOutcome(failureStatus, failure.description) }
        return failed("the container's machine ended before the container: \(end)")
    }
}
