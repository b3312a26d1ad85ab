import Glibc
import Host
import Measure
import SystemPackage

/// Starts programs: those that are measured, and those that help.
struct Programs {
    let interruption: Interruption
    /// The environment, as NAME=VALUE.
    var environment: [String]
    private var search: SearchPath

    init() throws(Failure) {
        interruption = try Interruption()
        environment = OwnProcess.environment()
        search = SearchPath(Environment.value("PATH") ?? "/usr/bin:/bin")
    }

    /// Returns the path of the program `name` on PATH; nil if it is not installed.
    func find(_ name: String) -> String? { search.find(name) }

    private var tool: Tool { Tool(interruption: interruption, environment: environment) }

    /// Runs `words`, whose first is a path or a name on PATH, and returns the outcome.
    func run(_ words: [String], seconds: Int = 600) throws(Failure) -> Outcome {
        try tool.run(try located(words), seconds: seconds)
    }

    /// Runs `words` like `run`, and returns the output. Throws a failure if they fail.
    @discardableResult
    func output(_ words: [String], seconds: Int = 600, more: [String] = []) throws(Failure) -> String {
        try tool.output(
            try located(words), doing: "cannot run \(words.joined(separator: " "))", seconds: seconds,
            more: more)
    }

    private func located(_ words: [String]) throws(Failure) -> [String] {
        if words[0].contains("/") { return words }
        guard let program = find(words[0]) else {
            throw Failure(
                .unavailable, "cannot run \(words[0])", because: "it is not installed",
                cure: "scripts/packages.sh bench lab")
        }
        return [program] + words.dropFirst()
    }

    /// Runs `launch` until it ends by itself, and returns the outcome. Throws if the user interrupts it; it
    /// has ended then, too.
    func complete(_ launch: Launch, seconds: Double = 86400) throws(Failure) -> Outcome {
        let batch = try Batch([launch], interruption: interruption)
        let begin = MonotonicTime.now()
        try batch.start(0, begin: begin)
        switch batch.wait(for: .ends, until: begin.adding(seconds: seconds)) {
        case .reached: return batch.outcomes()[0]
        case .outOfTime:
            batch.stop(.outOfTime)
            return batch.outcomes()[0]
        case .interrupted:
            batch.sendToGroups(SIGTERM)
            batch.waitForEnds(seconds: 20)
            batch.stop(.stopped)
            throw Self.interrupted
        }
    }

    /// Runs `words` with the output to the file `output`, and messages to this program's. Returns whether
    /// they succeeded.
    func succeeds(_ words: [String], output: String) throws(Failure) -> Bool {
        try WholeFile.write("", to: output)
        let file: OwnedDescriptor
        do throws(Errno) { file = try OwnedDescriptor(opening: output, for: .readingAndWriting) } catch {
            throw Failure("cannot write \(output)", errno: error)
        }
        var launch = Launch(words, environment: environment)
        launch.output = .descriptor(file.rawValue)
        launch.error = .descriptor(2)
        return try complete(launch).isSuccess
    }

    /// Throws if the user has interrupted the measurement. Call it regularly while no `complete` runs.
    func checkInterruption() throws(Failure) {
        if interruption.happened { throw Self.interrupted }
    }

    private static let interrupted = Failure(.usage, "cannot measure", because: "the user interrupted it")

    /// Takes what `names` and most programs read at their start into the lab's own memory, so that no
    /// measured program waits for the host's files (Tests/Lab/hold.sh). Outside the lab it does nothing.
    mutating func hold(_ names: [String]) throws(Failure) {
        let script = "source Tests/Lab/hold.sh && hold \(names.joined(separator: " ")) && echo \"$PATH\""
        let path = try output(["bash", "-c", script]).filter { !$0.isNewline }
        search = SearchPath(path)
        environment = environment.filter { !$0.hasPrefix("PATH=") } + ["PATH=" + path]
    }

    /// Lets what is measured go before all other work of the machine, if that is permitted
    /// (sched_setscheduler(2)). Children inherit it.
    static func takePriority() {
        var parameters = sched_param()
        parameters.sched_priority = 10
        unsafe sched_setscheduler(0, SCHED_FIFO, &parameters)
    }
}

/// What can be measured on this host, beside the lab.
struct HostAbilities {
    /// Whether /dev/kvm can be used, with or without hardware virtualization.
    let hasKVM: Bool
    /// Whether `vmm doctor` says that Linux boots here.
    let bootsLinux: Bool

    init(_ programs: Programs) throws(Failure) {
        hasKVM = unsafe access("/dev/kvm", R_OK | W_OK) == 0
        if !hasKVM {
            StandardError.write(
                "bench: /dev/kvm cannot be used here: everything is measured in the lab alone\n")
        }
        bootsLinux = try programs.run([Stage.monitor, "doctor"]).isSuccess
    }
}
