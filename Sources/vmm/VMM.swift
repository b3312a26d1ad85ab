import ArgumentParser
import Containers
import Host

/// The command line: parsing, calling and printing, and nothing else.
struct VMM: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vmm", abstract: "A micro-VM monitor on Linux KVM.", version: "0.1.0",
        subcommands: [
            RunCommand.self, ImageCommand.self, BootCommand.self, CompareCommand.self,
            CompareInsideCommand.self,
            DoctorCommand.self,
        ])
}

/// Runs a command; its errors become one or two lines and a status of sysexits.h.
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

    /// Prints what was asked for: help, a version. ArgumentParser's own way would not notice that it cannot be written.
    private static func answer(_ text: String) -> Never {
        do throws(Failure) { try StandardOutput.write(text.isEmpty ? "" : text + "\n") } catch {
            leave(after: error)
        }
        ThisProcess.end(with: 0)
    }

    /// Whether the exit status is the container's, and 125 is left for whatever is not.
    private static var isContainer: Bool { CommandLine.arguments.dropFirst().first == "run" }

    /// Does what needs no library to be understood.
    private static func runPlainly(_ words: [String]) throws(Failure) {
        guard words.count > 1 else { return }
        switch words[1] {
        case "boot": if let plain = BootArguments(plain: words[2...]) { try Boot.run(plain) }
        case "run": if let plain = try RunOptions(plain: words[2...]) { try Run.run(plain) }
        // The library would answer with the help of something else.
        case "help": if let failure = CommandPath(words[2...]).failure { throw failure }
        default: break
        }
    }

    private static func leave(after failure: Failure) -> Never {
        StandardError.write("vmm: \(failure)\n")
        ThisProcess.end(with: isContainer ? Run.failureStatus : failure.kind.rawValue)
    }

    /// What ArgumentParser threw: help and version are asked for, the rest is a mistake in the command line.
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
