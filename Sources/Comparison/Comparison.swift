import CHost
public import Host

/// The paths of this host, measured side by side.
public final class Comparison {
    /// Told what is being done, which part of it, and how far it is: 0 to 1.
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
    /// The tree that what is seen inside is held against.
    var reference: SubjectTree?
    /// What is not tried again.
    var unfit: Set<Attempt> = []
    private var isInterrupted = false

    /// `environment` is what programs of the host get, NAME=VALUE each; its PATH is where they are looked for.
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
        let program = if case .usable(let program, _) = monitor { program } else { "/proc/self/exe" }
        context = PathContext(
            workspace: workspace, tool: Tool(interruption: interruption, environment: environment),
            groups: ControlGroups(identifier: getpid()), monitor: program, kernel: options.kernel,
            append: options.append)
        let path = environment.last { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? "/usr/bin:/bin"
        finder = PathFinder(search: SearchPath(String(path)), monitor: monitor, context: context)
    }

    /// Measures everything that was asked for; what the user interrupted is a report of what there was.
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
