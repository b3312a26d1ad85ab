import ArgumentParser
import Host

/// The command line: parsing, calling and printing, and nothing else.
struct VMM: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vmm", abstract: "A micro-VM monitor on Linux KVM.", version: "0.1.0",
        subcommands: [BootCommand.self, ImageCommand.self, DoctorCommand.self])
}

/// Runs a command; its errors become one or two lines and a status of sysexits.h.
@main
enum Main {
    static func main() {
        Signals.ignoreBrokenPipes()
        ThisProcess.shareOneMemoryPool()
        let words = CommandLine.arguments
        do {
            if words.count > 1, words[1] == "boot", let plain = BootArguments(plain: words[2...]) {
                try Boot.run(plain)
            }
            var command = try VMM.parseAsRoot()
            try command.run()
        } catch let failure as Failure {
            StandardError.write("vmm: \(failure)\n")
            ThisProcess.end(with: failure.kind.rawValue)
        } catch {
            leave(after: error)
        }
    }

    /// What ArgumentParser threw: help and version are asked for, the rest is a mistake in the command line.
    private static func leave(after error: any Error) -> Never {
        let code = VMM.exitCode(for: error)
        if code.isSuccess { VMM.exit(withError: error) }
        if let asked = error as? ExitCode { ThisProcess.end(with: asked.rawValue) }
        StandardError.write("vmm: \(VMM.message(for: error))\n  vmm --help tells what can be asked for.\n")
        ThisProcess.end(with: Failure.Kind.usage.rawValue)
    }
}
