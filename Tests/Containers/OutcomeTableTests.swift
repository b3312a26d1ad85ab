import AgentProtocol
import Machine
import TestSupport
import Testing

@testable import Containers

@Suite("The table of a container's exit statuses")
struct OutcomeTableTests {
    @Test("says what the statuses mean")
    func agrees() throws {
        let told = try Document("README.md").exitStatuses(["status", ""])
        let known: [(String, ContainerEnd, String)] = [
            ("125", .notStarted(StartFailure(.setUp, "")), "failed"), ("125", .agentFailed(""), "failed"),
            ("126", .notStarted(StartFailure(.notExecutable, "")), "cannot be run"),
            ("127", .notStarted(StartFailure(.notFound, "")), "is not there"),
        ]
        for (status, end, word) in known {
            #expect("\(ContainerOutcome(end, machine: .sessionEnded).status)" == status)
            #expect(told[status]?.contains(word) == true, "\(status): \(told[status] ?? "nothing")")
        }
        #expect(Set(told.keys) == Set(known.map(\.0) + ["the process's own", "128 + n"]))
        #expect(ContainerOutcome(.exited(.exited(42)), machine: .sessionEnded).status == 42)
        #expect(ContainerOutcome(.exited(.signaled(9)), machine: .sessionEnded).status == 128 + 9)
    }
}
