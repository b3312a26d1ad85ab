import Foundation
import TestSupport
import Testing

@Suite("Output that cannot be written")
struct OutputTests {
    /// An image in a store of its own.
    private struct Fixture {
        let scratch: Scratch
        let environment: [String: String]
        let identifier: String

        init() throws {
            scratch = try Scratch()
            let root = try scratch.directory("root")
            try Data("content".utf8).write(to: URL(filePath: root + "/file"))
            var environment = ProcessInfo.processInfo.environment
            environment["VMM_STORE"] = scratch.path + "/store"
            self.environment = environment
            let made = try ProgramRun(
                [Monitor.program, "image", "import", "rootfs:" + root, "--name", "first"],
                environment: environment)
            try #require(made.status == 0, "\(made)")
            identifier = made.output.trimmingCharacters(in: .newlines)
        }

        /// Every command that prints, and its exit status if standard output fails.
        var commands: [([String], Int32)] {
            [
                ([], 74), (["--help"], 74), (["--version"], 74), (["help"], 74), (["help", "image"], 74),
                (["boot", "--help"], 74), (["run", "--help"], 125),
                (["image", "--help"], 74),
                (["image"], 74), (["image", "list", "--help"], 74), (["compare", "--help"], 74),
                (["doctor", "--help"], 74), (["doctor"], 74), (["doctor", "--json"], 74),
                (["image", "list"], 74),
                (["image", "list", "--json"], 74), (["compare", "--explain"], 74),
                (["help", "--completion", "bash"], 74), (["help", "--man", "run"], 74),
                (["help", "--pages"], 74),
                (["image", "import", "rootfs:" + scratch.path + "/root", "--name", "second"], 74),
                (["image", "remove", identifier], 74), (["image", "prune"], 74),
            ]
        }
    }

    @Test("is a line on standard error and a status, whatever the command")
    func full() throws {
        let fixture = try Fixture()
        for (words, status) in fixture.commands {
            let run = try OutputRun(
                [Monitor.program] + words, output: .full, environment: fixture.environment)
            #expect(run.ending == .exited(status), "vmm \(words): \(run.error)")
            #expect(
                run.error.hasSuffix("vmm: cannot write to standard output: no space left on device\n"),
                "vmm \(words): \(run.error)")
        }
    }

    @Test("is no error where its reader has gone: the command ends as others do, without a word")
    func gone() throws {
        let fixture = try Fixture()
        for (words, _) in fixture.commands {
            let run = try OutputRun(
                [Monitor.program] + words, output: .gone, environment: fixture.environment)
            #expect(run.ending == .signalled(SIGPIPE), "vmm \(words): \(run.error)")
            #expect(!run.error.contains("vmm: "), "vmm \(words): \(run.error)")
        }
    }
}
