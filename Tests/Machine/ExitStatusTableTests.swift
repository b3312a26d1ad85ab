import Host
import TestSupport
import Testing

@testable import Machine

/// What the documents say of exit statuses, held against the code.
@Suite("The tables of exit statuses")
struct ExitStatusTableTests {
    /// Every status that there is, and a word that tells its meaning from all others.
    private func statuses() throws -> [String: String] {
        guard case .tripleFault(let fault) = try MachineRun("triplefault").end() else {
            throw CancellationError()
        }
        let ends: [(MachineEnd, String)] = [
            (.poweredOff, "powered off"), (.reset, "a reset"), (.panicked, "panicked"),
            (.tripleFault(fault), "triple fault"), (.internalError(fault), "could not continue"),
            (.endedByUser, "by the user"), (.terminated, "SIGTERM, a second time"),
        ]
        let kinds: [(Failure.Kind, String)] = [
            (.usage, "usage error"), (.badInput, "cannot be used"), (.missingInput, "does not exist"),
            (.unavailable, "KVM is missing"), (.software, "failed"), (.host, "refused a call"),
            (.output, "cannot be written"), (.inUse, "in use"), (.notPermitted, "not permitted"),
        ]
        let all = ends.map { ($0.exitStatus, $1) } + kinds.map { ($0.rawValue, $1) }
        return Dictionary(uniqueKeysWithValues: all.map { ("\($0)", $1) })
    }

    @Test(
        "are complete, and say what the statuses mean",
        arguments: [
            ("README.md", ["status", "the guest", "status", "vmm"]), ("SPECIFICATION.md", ["status", ""]),
        ])
    func agree(name: String, head: [String]) throws {
        let (told, known) = (try Document(name).exitStatuses(head), try statuses())
        #expect(Set(told.keys) == Set(known.keys))
        for (status, word) in known {
            #expect(told[status]?.contains(word) == true, "\(status): \(told[status] ?? "nothing")")
        }
    }
}
