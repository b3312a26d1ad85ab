import AgentProtocol
import Machine
import TestSupport
import Testing

@testable import Containers

@Suite("The table of a container's exit statuses")
struct OutcomeTableTests {
    @Test("the README explains every status")
    func agrees() throws {
        let documented = try Document("README.md").exitStatuses(["status", ""])
        let known: [(String, ContainerEnd, String)] = [
            ("125", .notStarted(StartFailure(.setUp, "")), "failed"), ("125", .agentFailed(""), "failed"),
            ("126", .notStarted(StartFailure(.notExecutable, "")), "cannot be run"),
            ("127", .notStarted(StartFailure(.notFound, "")), "does not exist"),
        ]
        for (status, end, word) in known {
            #expect("\(ContainerOutcome(end, machine: .sessionEnded).status)" == status)
            #expect(
                documented[status]?.contains(word) == true, "\(status): \(documented[status] ?? "nothing")")
        }
        #expect(Set(documented.keys) == Set(known.map(\.0) + ["n", "128+n"]))
        #expect(ContainerOutcome(.exited(.exited(42)), machine: .sessionEnded).status == 42)
        #expect(ContainerOutcome(.exited(.signaled(9)), machine: .sessionEnded).status == 128 + 9)
    }
}
