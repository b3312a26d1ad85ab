import CHost
public import Host
public import Measure

/// A side-by-side measurement of the paths of this host.
public final class Comparison {
    /// Receives the current measurement, the part of it that is running, and the share that is done, from 0
    /// to 1.
    public typealias Progress = (_ what: String, _ part: String, _ share: Double) -> Void

    let subject: Subject
    let options: ComparisonOptions
    let interruption: Interruption
    let progress: Progress
    let workspace: Workspace
    let context: PathContext
    let finder: PathFinder
    var report: ComparisonReport
    var runners: [PathRunner] = []
    /// The tree with which the views from inside are compared.
    var reference: SubjectTree?
    /// The attempts that failed and are not repeated.
    var unfit: Set<Attempt> = []
    private var isInterrupted = false

    /// Makes a comparison. `environment` is the environment of the host's programs, as NAME=VALUE; its PATH
    /// is searched for them.
    public init(
        _ subject: Subject, options: ComparisonOptions, monitor: MonitorState, environment: [String],
        report: ComparisonReport, workspace: Workspace, interruption: Interruption,
        progress: @escaping Progress
    ) {
        self.subject = subject
        self.options = options
        self.interruption = interruption
        self.progress = progress
        self.report = report
        self.workspace = workspace
        let program = if case .usable(let program) = monitor { program } else { "vmm" }
        context = PathContext(
            workspace: workspace, tool: Tool(interruption: interruption, environment: environment),
            groups: ControlGroups(identifier: getpid()), monitor: program, kernel: options.kernel,
            append: options.append)
        let path = environment.last { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? "/usr/bin:/bin"
        finder = PathFinder(search: SearchPath(String(path)), monitor: monitor, context: context)
    }

    /// Runs all measurements that were asked for. After an interruption, returns a partial report.
    public func run() throws(Failure) -> ComparisonReport {
        let begin = MonotonicTime.now()
        defer { tearDown() }
        findPaths()
        try checkPaths()
        do throws(RunProblem) {
            if wants(.startup) { try measureStartup(together: 1) }
            let inside = wants(.crowd) || wants(.work) || wants(.isolation) ? prepareInside() : nil
            if let inside { try measureInside(inside) }
            if wants(.startup) {
                for count in options.parallel where count > 1 { try measureStartup(together: count) }
            }
        } catch { isInterrupted = true }
        report.isPartial = isInterrupted
        report.duration = MonotonicTime.now().seconds(since: begin)
        return report
    }

    func wants(_ measurement: ComparisonOptions.Measurement) -> Bool {
        options.measurements.contains(measurement)
    }

    func note(_ text: String) { report.notes.append(text) }

    private func tearDown() {
        for runner in runners { runner.path.tearDown() }
        reference?.remove()
        context.groups?.remove()
    }
}
