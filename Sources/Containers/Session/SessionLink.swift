import Host
import Machine

/// What a session needs of the machine around it: an `AgentLink`, or a test in its place.
protocol SessionLink: Sendable {
    var loop: EventLoop { get }
    func send(_ bytes: [UInt8]) -> Bool
    func finish(with end: MachineEnd)
}

extension AgentLink: SessionLink {}
