public import Host

/// The way in which a machine ended.
public enum MachineEnd: Sendable, Equatable {
    /// The guest powered off (ACPI S5).
    case poweredOff
    /// The guest asked for a reset (ACPI reset register, 8042).
    case reset
    /// The guest's kernel panicked and reported it (pvpanic).
    case panicked
    /// A vCPU had a triple fault: an exception that the guest could not handle.
    case tripleFault(CPUFault)
    /// KVM could not continue a vCPU.
    case internalError(CPUFault)
    /// The user ended it (Ctrl-A x, SIGINT, SIGHUP).
    case endedByUser
    /// A second SIGTERM arrived.
    case terminated
    /// The session has finished its work and ended the machine. The user needs no message.
    case sessionEnded
    /// The monitor itself failed.
    case failed(Failure)
}

extension MachineEnd {
    /// The monitor's exit status; `vmm boot --help` lists them.
    public var exitStatus: Int32 {
        switch self {
        case .poweredOff, .sessionEnded: 0
        case .reset: 3
        case .panicked: 4
        case .tripleFault: 5
        case .internalError: 6
        case .endedByUser: 130
        case .terminated: 143
        case .failed(let failure): failure.kind.rawValue
        }
    }

    /// Whether the guest explains this end on its console and nowhere else.
    public var needsConsole: Bool { self == .reset || self == .panicked }

    /// The end in one word, for programs.
    public var name: String {
        switch self {
        case .poweredOff: "poweroff"
        case .reset: "reset"
        case .panicked: "panic"
        case .tripleFault: "triple-fault"
        case .internalError: "internal-error"
        case .endedByUser: "ended"
        case .terminated: "terminated"
        case .sessionEnded: "session-ended"
        case .failed: "failed"
        }
    }
}

extension MachineEnd: CustomStringConvertible {
    /// The end in one line for people. A vCPU's fault has its report below that line.
    public var description: String {
        switch self {
        case .poweredOff: "the guest powered off"
        case .reset: "the guest asked for a reset"
        case .panicked: "the guest's kernel panicked"
        case .tripleFault(let fault): "the guest ended in a triple fault on vCPU \(fault.cpu)\n\(fault)"
        case .internalError(let fault): "\(fault.summary)\n\(fault)"
        case .endedByUser: "ended by the user"
        case .terminated: "terminated by a second signal"
        case .sessionEnded: "the session is over"
        case .failed(let failure): failure.description
        }
    }
}
