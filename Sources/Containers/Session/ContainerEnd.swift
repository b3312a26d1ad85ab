public import AgentProtocol
public import Host
public import Machine

/// The end of a container, as far as its session observed it.
public enum ContainerEnd: Sendable {
    /// The container's process ended.
    case exited(ExitStatus)
    /// The container or its process could not be started.
    case notStarted(StartFailure)
    /// A signal came before the process ran, or while the session only waited for a reader of the output.
    case interrupted(signal: Int32)
    /// The process or its guest ignored the signals that asked it to end.
    case forced(signal: Int32)
    /// The process did not end after a hang-up of the terminal.
    case hungUp
    /// The guest's agent broke the protocol or did not answer; the string says which, in one line.
    case agentFailed(String)
}

/// The message for the user and the exit status.
public struct ContainerOutcome: Hashable, Sendable {
    public let status: Int32
    /// The message, without the program's name; nil if the container's own output suffices.
    public let message: String?
    /// Whether the last lines of the guest's kernel log help to understand the failure.
    public let wantsConsole: Bool

    /// The exit status of every failure other than the process's own, as docker has it.
    static let failureStatus: Int32 = 125

    init(_ status: Int32, _ message: String? = nil, wantsConsole: Bool = false) {
        self.status = status
        self.message = message
        self.wantsConsole = wantsConsole
    }

    private static func failed(_ message: String) -> ContainerOutcome {
        ContainerOutcome(failureStatus, message, wantsConsole: true)
    }

    /// Makes the outcome of a session that ended as `end`. If `end` is nil, the VM ended before the session.
    public init(_ end: ContainerEnd?, machine: MachineEnd) {
        switch end {
        case .exited(.exited(let status)): self.init(Int32(status))
        case .exited(.signaled(let number)): self.init(128 + Int32(number))
        case .interrupted(let signal): self.init(128 + signal)
        case .forced(let signal):
            self.init(
                128 + signal,
                "the container's machine was ended after \(EndRequests.limit) requests within ten seconds"
            )
        case .hungUp:
            self.init(
                128 + 1,
                "the container's machine was ended: its process ignored a hang-up for ten seconds")
        case .notStarted(let failure): self.init(Self.status(failure.reason), failure.message.printable)
        case .agentFailed(let why): self = Self.failed("the container's machine failed: \(why)")
        case nil: self = Self.ofMachine(machine)
        }
    }

    /// Returns this outcome with a message about output that could not be written. A status of 0 becomes a
    /// failure, because output of the process is lost; any other status already reports a failure and stays.
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
