import Foundation
import TestSupport
import Testing

/// The guest's agent, in QEMU's software CPU and without our monitor: `agent/peer.py` stands in for that, and
/// says what ours does not say, or must not.
@Suite("The guest's agent")
struct AgentTests {
    @Test(
        "does what it is asked for, and only that",
        arguments: [
            "statuses", "identities", "processes", "streams", "terminal", "file_systems", "preparation",
            "places", "devices", "hostile", "broken_protocol",
        ])
    func agent(name: String) throws {
        let run = try ProgramRun(["python3", Package.path("Tests/Lab/agent/cases.py"), name], seconds: 600)
        #expect(run.status == 0 && run.output == "\(name): ok\n", "\(run.output)\n\(run.error)")
    }
}
