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
            let inside = wants(.footprint) || wants(.work) || wants(.isolation) ? prepareInside() : nil
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

/// Measurement of start-up times.
extension Comparison {
    /// Measures `count` simultaneous starts of each path. The paths take turns, in a new random order for
    /// each round, so that drift affects all alike.
    func measureStartup(together count: Int) throws(RunProblem) {
        let rounds = count == 1 ? options.runs : max(2, (options.runs + count - 1) / count)
        let warmup = count == 1 ? options.warmup : min(1, options.warmup)
        var random = RandomSequence(seed: options.seed &+ UInt64(count))
        for round in 1 - warmup...max(rounds, 1) {
            for runner in active.shuffled(using: &random) where fits(runner, count) {
                let what = count == 1 ? "start-up" : "start-up, \(count) at once"
                let number = round < 1 ? "warming up" : "round \(round) of \(rounds)"
                progress(
                    what, "\(number), \(runner.path.name)",
                    Double(round + warmup - 1) / Double(rounds + warmup))
                try sampleOnce(runner, round: round, together: count)
            }
        }
    }

    private func sampleOnce(_ runner: PathRunner, round: Int, together count: Int) throws(RunProblem) {
        do throws(RunProblem) {
            let samples = try runner.run(subject, subject.command, round: round, together: count)
            if round >= 1 { change(runner) { $0.samples += samples } }
        } catch {
            if case .interrupted = error { throw error }
            if count == 1 {
                drop(runner, error, when: "in round \(round): ")
            } else {
                let why = error.description(limit: options.limit)
                note("\(runner.path.name), \(count) at once: not measured, because of one: \(why)")
                change(runner) { $0.samples.removeAll { $0.together == count } }
                unfit.insert(Attempt(path: runner.path.name, count: count))
            }
        }
    }

    /// Whether `count` instances probably fit into memory. Adds a note if they do not.
    private func fits(_ runner: PathRunner, _ count: Int) -> Bool {
        let attempt = Attempt(path: runner.path.name, count: count)
        if count == 1 { return true }
        if unfit.contains(attempt) { return false }
        let each = report.paths.first { $0.name == attempt.path }?.footprint?.memoryByteCount ?? 0
        let needed = each * Double(count)
        let available = Double(MemoryInfo.availableByteCount())
        if needed < available * 0.9 { return true }
        unfit.insert(attempt)
        note(
            "\(attempt.path), \(count) at once: not run, because they would need \(Decimal.bytes(needed)) and "
                + "\(Decimal.bytes(available)) is available.")
        return false
    }
}

/// A number of simultaneous instances of one path.
struct Attempt: Hashable {
    let path: String
    let count: Int
}

/// Measurements by programs of vmm's that run inside the paths: footprint, work and isolation.
extension Comparison {
    /// Adds the layer with vmm's programs to the image, and prepares all paths for the result. On failure
    /// adds a note to the report and returns nil.
    func prepareInside() -> Subject? {
        progress("adding programs of ours to the image", "", 0)
        do throws(Failure) {
            let layer = try InsideLayer.make(in: workspace)
            var inside = subject
            inside.layers = [layer] + subject.layers
            inside.identifier = "inside"
            inside.isDerived = true
            inside.user = ""
            inside.workingDirectory = "/"
            let tree = try SubjectTree(inside, in: workspace, for: "compare")
            reference = tree
            inside.reference = tree.root
            for runner in visited { try runner.path.prepare(inside) }
            return inside
        } catch {
            note("Footprint, work and isolation were not measured: \(error.what): \(error.why)")
            return nil
        }
    }

    func measureInside(_ inside: Subject) throws(RunProblem) {
        let isStatic = InsideLayer.isStatic()
        if !isStatic {
            note("Work and isolation need the static executable that `make` builds; this one is not.")
        }
        for runner in visited where wants(.footprint) {
            try attempt("footprint", runner) { () throws(RunProblem) in
                let trial = FootprintTrial(
                    runner: runner, context: context, interruption: interruption, most: options.instanceLimit,
                    limit: options.limit)
                let footprint = try trial.run(inside, [InsideProgram.idle])
                change(runner) { $0.footprint = footprint }
            }
        }
        for runner in visited where wants(.work) && isStatic {
            try attempt("work inside", runner) { () throws(RunProblem) in
                let work = try WorkTrial(runner: runner).run(inside)
                change(runner) { $0.work = work }
            }
        }
        for runner in visited where wants(.isolation) && isStatic {
            try attempt("isolation", runner) { () throws(RunProblem) in
                let trial = IsolationTrial(
                    runner: runner, interruption: interruption, limit: options.limit,
                    allowsDanger: options.allowsDangerousTrials)
                let sights = try trial.run(inside)
                change(runner) { $0.isolation = sights }
            }
        }
    }

    /// Runs a trial. A failure other than an interruption becomes a note, and the path keeps its other
    /// figures.
    private func attempt(
        _ what: String, _ runner: PathRunner, _ body: () throws(RunProblem) -> Void
    ) throws(RunProblem) {
        progress(what, runner.path.name, 0)
        do throws(RunProblem) { try body() } catch {
            if case .interrupted = error { throw error }
            note("\(runner.path.name), \(what): not measured: \(error.description(limit: options.limit))")
        }
    }
}
