public import Arguments
public import CompareOptions
import Comparison
public import Host

/// The entry point of `vmm-compare`, the program behind `vmm compare`. Its command line is that of
/// `vmm compare`, after an option that names the monitor.
@main
enum VMMCompare {
    static func main() {
        do throws(Failure) {
            try StandardDescriptors.openMissing()
            Signals.ignoreBrokenPipes()
            ThisProcess.shareOneMemoryPool()
            if try InsideProgram.run(CommandLine.arguments) { return }
            try CompareArguments.start(
                CommandLine.arguments.dropFirst(), path: "vmm compare", version: CompareArguments.version)
        } catch {
            StandardError.write("vmm: \(error)\n")
            ThisProcess.end(with: error.kind.rawValue)
        }
    }
}

extension CompareArguments: Command {
    public func run() throws(Failure) {
        if isExplanationWanted { return try StandardOutput.write(Explanation.text) }
        guard let image else { throw Self.missing("argument IMAGE", path: "vmm compare") }
        try Compare.run(self, image)
    }
}
