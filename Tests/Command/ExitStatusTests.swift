import Arguments
import Containers
import Foundation
import TestSupport
import Testing

@testable import vmm

/// The exit statuses have one text each. `ExitStatusTableTests` holds the numbers against what machines and
/// failures return.
@Suite("The texts of exit statuses")
struct ExitStatusTests {
    private func texts(_ statuses: [Arguments.ExitStatus]) -> [String: String] {
        Dictionary(uniqueKeysWithValues: statuses.map { ($0.status, $0.meaning) })
    }

    @Test(
        "of vmm boot are the same in the help and in the documents",
        arguments: [
            ("README.md", ["status", "the guest", "status", "vmm"]), ("SPECIFICATION.md", ["status", ""]),
        ])
    func boot(name: String, head: [String]) throws {
        let statuses = texts(BootOptions.page.statuses)
        #expect(statuses.count == 16)
        #expect(try Document(name).exitStatuses(head) == statuses)
    }

    @Test("of vmm run are the same in the help and in the README")
    func run() throws {
        #expect(
            try Document("README.md").exitStatuses(["status", ""]) == texts(RunOptions.page.statuses))
    }

    @Test("are all in the help", arguments: ["boot", "run", "image", "doctor", "compare"])
    func help(command: String) throws {
        let help = try Monitor.run(command, "--help").output
        let table = try #require(help.components(separatedBy: "\nExit status:\n").dropFirst().first)
        let listed = table.components(separatedBy: "\n\n")[0].split(separator: "\n")
        #expect(listed.count > 2 && listed.allSatisfy { $0.hasPrefix("  ") })
    }
}
