import ArgumentParser

/// `vmm compare`, in the list of commands. `vmm-compare` reads its command line.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Run a command of an image as a container and in a micro-VM, and measure both.")

    @Argument(parsing: .captureForPassthrough, help: "The arguments of vmm-compare.")
    var arguments: [String] = []

    func run() throws {
        try ComparisonProgram.run(arguments)
    }
}
