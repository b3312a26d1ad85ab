import ArgumentParser
import Containers
import Host

/// The root command: parses the command line and calls its subcommands.
struct VMM: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vmm", abstract: "A micro-VM monitor on Linux KVM.", version: "0.1.0",
        subcommands: [
            RunCommand.self, ImageCommand.self, BootCommand.self, CompareCommand.self,
            DoctorCommand.self,
        ])
}

/// The entry point. Runs a command, and turns its error into one or two lines and an exit status of
/// sysexits.h.
@main
enum Main {
    static func main() {
        do {
            try StandardDescriptors.openMissing()
            Signals.ignoreBrokenPipes()
            ThisProcess.shareOneMemoryPool()
            try runPlainly(CommandLine.arguments)
            var command = try VMM.parseAsRoot()
            try command.run()
        } catch let failure as Failure {
            leave(after: failure)
        } catch {
            leave(after: error)
        }
    }

    /// Prints help or a version. ArgumentParser itself would not report that standard output cannot be
    /// written.
    private static func answer(_ text: String) -> Never {
        do throws(Failure) { try StandardOutput.write(text.isEmpty ? "" : text + "\n") } catch {
            leave(after: error)
        }
        ThisProcess.end(with: 0)
    }

    /// Whether the exit status is the container's, so that a failure of vmm needs the status 125.
    private static var isContainer: Bool { CommandLine.arguments.dropFirst().first == "run" }

    /// Runs the commands that need no ArgumentParser.
    private static func runPlainly(_ words: [String]) throws(Failure) {
        guard words.count > 1 else { return }
        switch words[1] {
        case "boot": if let plain = BootArguments(plain: words[2...]) { try Boot.run(plain) }
        case "run": if let plain = try RunOptions(plain: words[2...]) { try Run.run(plain) }
        case "compare": try ComparisonProgram.run(words[2...])
        case "help" where words.dropFirst(2).first == "compare": try ComparisonProgram.run(["--help"])
        // ArgumentParser would print the help of another command.
        case "help": if let failure = CommandPath(words[2...]).failure { throw failure }
        default: break
        }
    }

    private static func leave(after failure: Failure) -> Never {
        StandardError.write("vmm: \(failure)\n")
        ThisProcess.end(with: isContainer ? Run.failureStatus : failure.kind.rawValue)
    }

    /// Reports an error of ArgumentParser. Help and version are successes; everything else is a usage error.
    private static func leave(after error: any Error) -> Never {
        let code = VMM.exitCode(for: error)
        if code.isSuccess { answer(VMM.fullMessage(for: error)) }
        if let asked = error as? ExitCode { ThisProcess.end(with: asked.rawValue) }
        let path = CommandPath(CommandLine.arguments.dropFirst())
        let words =
            path.failure?.description
            ?? "\(VMM.message(for: error))\n  \(path.help) tells what can be asked for."
        StandardError.write("vmm: \(words)\n")
        ThisProcess.end(with: isContainer ? Run.failureStatus : Failure.Kind.usage.rawValue)
    }
}
