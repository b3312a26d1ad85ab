import Foundation
import Host
import TestSupport
import Testing

@testable import Containers

@Suite("The name of a container")
struct ContainerNameTests {
    private let scratch: TemporaryDirectory
    private let directory: RuntimeDirectory

    init() throws {
        scratch = try TemporaryDirectory()
        directory = RuntimeDirectory(path: scratch.path("vmm"))
    }

    @Test("only one process may have a name, and the others learn which")
    func twoAtOnce() async throws {
        let held = try ContainerName("web", in: directory)
        await #expect(processExitsWith: .success) {
            [path = directory.path as String, holder = getpid() as pid_t] in
            let directory = RuntimeDirectory(path: path)
            do throws(Failure) {
                _ = try ContainerName("web", in: directory)
                preconditionFailure("the name was had twice")
            } catch {
                precondition(error.kind == .unavailable && error.errno == nil, "\(error)")
                precondition(
                    error.description.contains("'web'") && error.cure?.hasSuffix("kill \(holder)") == true)
                precondition(error.why == "the name is in use by process \(holder)")
            }
            try ContainerName("web2", in: directory).leave()
        }
        held.leave()
    }

    @Test("a name is free again after its release and after the death of its process")
    func freed() async throws {
        try ContainerName("web", in: directory).leave()
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = directory.path as String] in
            let name = try ContainerName("web", in: RuntimeDirectory(path: path))
            kill(getpid(), SIGKILL)
            name.leave()
        }
        let again = try ContainerName("web", in: directory)
        #expect(scratch.tree() == ["vmm", "vmm/names"], "nothing is left over but the file of the locks")
        again.leave()
    }

    @Test("a container without a name opens no file")
    func none() throws {
        try ContainerName(nil, in: directory).leave()
        #expect(scratch.tree().isEmpty)
    }

    @Test(
        "a name is not reserved in a directory that others can write to",
        arguments: [
            "mkdir vmm && chmod 770 vmm", "mkdir vmm && chmod 1777 vmm", "mkdir -m 700 own && ln -s own vmm",
            "mkdir -m 700 vmm && touch file && ln -s ../file vmm/names", "touch vmm",
        ])
    func openDirectory(preparation: String) throws {
        let made = try ProgramRun(["sh", "-c", "cd '\(scratch.path)' && \(preparation)"])
        try #require(made.status == 0)
        let failure = #expect(throws: Failure.self) { try ContainerName("web", in: directory).leave() }
        #expect(failure?.what.hasSuffix(directory.path) == true && failure?.cure?.contains("--name") == true)
    }

    @Test("a name is not reserved in another user's directory")
    func foreignDirectory() throws {
        try #require(geteuid() == 0, "only root may give a directory away")
        try FileManager.default.createDirectory(
            atPath: directory.path, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700, .ownerAccountID: 12345])
        let failure = #expect(throws: Failure.self) { try ContainerName("web", in: directory).leave() }
        #expect(failure?.kind == .notPermitted)
    }

    /// docker's: [a-zA-Z0-9][a-zA-Z0-9_.-]+
    @Test("names consist of the characters that docker allows")
    func characters() {
        for name in ["web", "a1", "0.0", "A_b-c.d", String(repeating: "n", count: 128)] {
            #expect(throws: Never.self, "\(name)") { try Self.check(name) }
        }
        for name in [
            "", "a", ".web", "-web", "_web", "a b", "a/b", "../b", "a\n", "\na", "a\0b", "ä1", "aä", "a:b",
            "a*",
            String(repeating: "n", count: 129),
        ] {
            let failure = #expect(throws: Failure.self, "\(name)") { try Self.check(name) }
            #expect(failure?.kind == .usage)
        }
    }

    private static func check(_ name: String) throws(Failure) {
        var options = RunOptions()
        options.name = name
        try options.validate()
    }
}
