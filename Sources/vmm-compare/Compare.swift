import CompareOptions
import Comparison
import Doctor
import Host
import Measure

/// Runs `vmm compare`, whose options have been read.
enum Compare {
    static func run(_ arguments: CompareArguments, _ image: String) throws(Failure) {
        // `compare` has removed the workspace by the time that the process ends.
        if let signal = try compare(arguments, image) { ThisProcess.end(with: 128 + signal) }
    }

    /// Compares and writes the reports. Returns the signal that ended the comparison early; nil if none did.
    private static func compare(_ arguments: CompareArguments, _ image: String) throws(Failure) -> Int32? {
        let options = try ComparisonOptions(arguments)
        for path in [arguments.html, arguments.svg, arguments.json, arguments.csv].compactMap(\.self) {
            // Check that the file can be written now, not after an hour.
            try WholeFile.write("", to: path)
        }
        // Only this process and its children see the mounts, and the kernel removes them with the namespace.
        if !MountNamespace.make() {
            StandardError.write("vmm: some paths need root: run vmm compare as root to compare them\n")
        }
        let workspace = try Workspace(named: "vmm-compare", in: options.workspace)
        let subject = try CompareSubject.make(image, arguments.command, in: workspace)
        let interruption = try Interruption()
        let doctor = HostReport.ofThisHost()
        let host = HostDescription.ofThisHost(
            findings: doctor.checks.map { ($0.name, $0.finding) },
            clock: Environment.has("VMM_CLOCK") ? .instructions : .wall)
        let report = ComparisonReport(
            host: host, image: image, command: subject.command, options: options,
            repetition: MonitorProgram.repetition(CommandLine.arguments))
        let progress = CompareProgress()
        let comparison = Comparison(
            subject, options: options, monitor: MonitorProgram.state(arguments.monitor, doctor),
            environment: OwnProcess.environment(), report: report, workspace: workspace,
            interruption: interruption, progress: progress.show)
        let result: ComparisonReport
        do throws(Failure) { result = try comparison.run() } catch {
            progress.clear()
            throw error
        }
        progress.clear()
        try write(result, arguments)
        return interruption.signal
    }

    private static func write(_ report: ComparisonReport, _ arguments: CompareArguments) throws(Failure) {
        try StandardOutput.write(report.text(inColour: StandardOutput.takesColour))
        if let path = arguments.json { try WholeFile.write(report.json.text() + "\n", to: path) }
        if let path = arguments.csv { try WholeFile.write(report.csv, to: path) }
        if let path = arguments.html { try WholeFile.write(report.html, to: path) }
        if let path = arguments.svg { try WholeFile.write(report.svg, to: path) }
    }
}

extension ComparisonOptions {
    init(_ arguments: CompareArguments) throws(Failure) {
        self.init()
        runs = arguments.runs
        warmup = arguments.warmup
        parallel = try Self.numbers(arguments.parallel)
        if let names = arguments.paths { paths = Self.words(names) }
        if let names = arguments.measure { measurements = try Self.measurements(names) }
        instanceLimit = arguments.instanceLimit
        limit = arguments.limit
        kernel = arguments.kernel
        append = arguments.append
        workspace = arguments.workspace
        seed = arguments.seed
        allowsDangerousTrials = arguments.allowsDangerousTrials
        try validate()
    }

    private static func words(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }

    private static func numbers(_ text: String) throws(Failure) -> [Int] {
        var numbers: [Int] = []
        for word in words(text) {
            guard let number = Int(word) else {
                throw Failure(.usage, "invalid value '\(word)' for --parallel", because: "not a number")
            }
            if !numbers.contains(number) { numbers.append(number) }
        }
        return numbers.sorted()
    }

    private static func measurements(_ text: String) throws(Failure) -> [Measurement] {
        var found: [Measurement] = []
        for word in words(text) {
            guard let measurement = Measurement(rawValue: word) else {
                let all = Measurement.allCases.map(\.rawValue).joined(separator: ", ")
                throw Failure(.usage, "invalid value '\(word)' for --measure", because: "not one of \(all)")
            }
            found.append(measurement)
        }
        return found
    }
}
