import Host
import Machine

/// The interface of the VM that a session uses: implemented by `AgentLink`, and by tests.
protocol SessionLink: Sendable {
    var loop: EventLoop { get }
    func send(_ bytes: [UInt8]) -> Bool
    func finish(with end: MachineEnd)
}

extension AgentLink: SessionLink {}
