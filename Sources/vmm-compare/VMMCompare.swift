import ArgumentParser
import Comparison
import Host

/// The entry point of `vmm-compare`, the program behind `vmm compare`. Its command line is that of
/// `vmm compare`, after an option that names the monitor.
@main
enum VMMCompare {
    static func main() {
        do {
            try StandardDescriptors.openMissing()
            Signals.ignoreBrokenPipes()
            ThisProcess.shareOneMemoryPool()
            if try InsideProgram.run(CommandLine.arguments) { return }
            var command = try CompareCommand.parseAsRoot()
            try command.run()
        } catch let failure as Failure {
            leave(after: failure)
        } catch {
            leave(after: error)
        }
    }

    private static func leave(after failure: Failure) -> Never {
        StandardError.write("vmm: \(failure)\n")
        ThisProcess.end(with: failure.kind.rawValue)
    }

    /// Prints help, or reports an error of the command line.
    private static func leave(after error: any Error) -> Never {
        guard CompareCommand.exitCode(for: error).isSuccess else {
            let message = CompareCommand.message(for: error)
            StandardError.write("vmm: \(message)\n  vmm compare --help lists the options.\n")
            ThisProcess.end(with: Failure.Kind.usage.rawValue)
        }
        let text = CompareCommand.fullMessage(for: error)
        do throws(Failure) { try StandardOutput.write(text.isEmpty ? "" : text + "\n") } catch {
            leave(after: error)
        }
        ThisProcess.end(with: 0)
    }
}
