import Foundation
import TestSupport
import Testing

@testable import Arguments
@testable import vmm

/// The man pages and completions that `make man` and `make completions` write.
@Suite("The manual and the completions")
struct ManualTests {
    private static let program = VMM.description("vmm")

    private func page(_ command: CommandDescription) throws -> String {
        let words = command.path.split(separator: " ").dropFirst().map(String.init)
        let run = try ProgramRun([Monitor.program, "help", "--man"] + words)
        try #require(run.status == 0, "\(run)")
        return run.output
    }

    @Test("there is a page for every command, and it has all of its options")
    func pages() throws {
        let names = try Monitor.run("help", "--pages").output.split(separator: "\n").map(String.init)
        #expect(names == Self.program.all.map(\.path))
        #expect(names.contains("vmm image import") && names.contains("vmm compare"))
        for command in Self.program.all {
            let page = try page(command)
            for option in command.options {
                let name = option.spellings.map { "\\fB" + $0.replacing("-", with: "\\-") + "\\fR" }
                #expect(
                    page.contains("\n.TP\n" + name.joined(separator: ", ")), "\(command.path): \(option.name)"
                )
            }
        }
    }

    @Test("groff renders every page without a warning", arguments: program.all.map(\.path))
    func rendering(path: String) throws {
        let command = try #require(Self.program.all.first { $0.path == path })
        let file = try TemporaryFile()
        try Data(try page(command).utf8).write(to: URL(filePath: file.path))
        let run = try ProgramRun(["groff", "-man", "-ww", "-Tascii", "-P-cbou", file.path])
        #expect(run.status == 0 && run.error.isEmpty, "\(run.error)")
        #expect(run.output.contains("EXIT STATUS") != command.page.statuses.isEmpty)
        for option in command.options { #expect(run.output.contains("--" + option.name), "\(option.name)") }
    }

    // MARK: - Completions

    private func script(_ shell: String) throws -> String {
        let run = try Monitor.run("help", "--completion", shell)
        try #require(run.status == 0, "\(run)")
        return run.output
    }

    @Test("a completion has every option of every command", arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) throws {
        let script = try script(shell)
        for command in Self.program.all {
            for option in command.options { #expect(script.contains(option.name), "\(option.name)") }
        }
        #expect(!script.contains("health-cmd"), "an option of docker's that vmm refuses")
    }

    /// Returns what bash offers to complete the last of `words`.
    private func bash(_ words: String..., in directory: String = Package.root) throws -> [String] {
        let file = try TemporaryFile()
        try Data(try script("bash").utf8).write(to: URL(filePath: file.path))
        let run = try ProgramRun(
            [
                "bash", "-uc",
                """
                source "$1"; cd "$2"; shift 2
                complete -p vmm >/dev/null
                COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
                _vmm
                printf '%s\\n' "${COMPREPLY[@]}"
                """, "bash", file.path, directory,
            ] + words)
        #expect(run.error.isEmpty && run.status == 0, "\(run)")
        return run.output.split(separator: "\n").map(String.init)
    }

    @Test("bash completes commands, options and the words that an option accepts")
    func words() throws {
        #expect(try bash("vmm", "") == ["run", "image", "boot", "compare", "doctor"])
        #expect(try bash("vmm", "image", "") == ["import", "list", "remove", "prune"])
        #expect(try bash("vmm", "run", "--pu") == ["--pull"])
        #expect(try bash("vmm", "image", "rm", "--f") == ["--force"], "by the alias of a command")
        #expect(try bash("vmm", "run", "--pull", "") == ["missing", "always", "never"])
        #expect(try bash("vmm", "run", "--pull", "=", "al") == ["always"])
        #expect(try bash("vmm", "run", "--pull", "=") == ["missing", "always", "never"])
        #expect(try bash("vmm", "boot", "--console", "s") == ["serial"])
        #expect(try bash("vmm", "run", "-e", "A", "--tm") == ["--tmpfs"], "after an option's value")
        #expect(try bash("vmm", "run", "--tty", "=", "true", "--tm") == ["--tmpfs"])
        for command in Self.program.all where command.shownCommands.isEmpty {
            let path = command.path.split(separator: " ").map(String.init)
            let known = try bash(path[0], path[1], path.count > 2 ? path[2] : "-", "-")
            if path.count > 2 { #expect(Set(known) == Set(command.options.flatMap(\.spellings))) }
        }
    }

    @Test("bash completes files where a file is the value, and behind the image")
    func files() throws {
        let scratch = try Scratch()
        _ = try scratch.file("kernel one")
        _ = try scratch.directory("kernels")
        #expect(
            try bash("vmm", "boot", "--kernel", "ker", in: scratch.path).sorted() == [
                "kernel one", "kernels",
            ])
        #expect(try bash("vmm", "compare", "--workspace", "ker", in: scratch.path) == ["kernels"])
        #expect(
            try bash("vmm", "run", "-it", "image", "ker", in: scratch.path).sorted() == [
                "kernel one", "kernels",
            ])
        #expect(try bash("vmm", "run", "image", "--", in: scratch.path).isEmpty, "the command's options")
    }
}
