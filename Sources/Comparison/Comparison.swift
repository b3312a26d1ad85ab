import CHost
public import Host

/// The paths of this host, measured side by side.
public final class Comparison {
    /// Told what is being done, which part of it, and how far it is: 0 to 1.
    public typealias Progress = (_ what: String, _ part: String, _ share: Double) -> Void

    private let subject: Subject
    private let options: ComparisonOptions
    private let interruption: Interruption
    private let progress: Progress
    private let workspace: Workspace
    private let context: PathContext
    private let finder: PathFinder
    private var report: ComparisonReport
    private var runners: [PathRunner] = []
    /// The tree that what is seen inside is held against.
    private var reference: SubjectTree?
    private var isInterrupted = false
    private var unfit: Set<Attempt> = []

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

    private func wants(_ measurement: ComparisonOptions.Measurement) -> Bool {
        options.measurements.contains(measurement)
    }

    private func tearDown() {
        for runner in runners { runner.path.tearDown() }
        reference?.remove()
        context.groups?.remove()
    }
}

// MARK: - Which paths there are

extension Comparison {
    private func findPaths() {
        for name in options.paths {
            progress("looking for the paths", name, 0)
            do throws(Absence) {
                let path = try finder.find(name)
                let runner = PathRunner(path, context, interruption: interruption, limit: options.limit)
                runners.append(runner)
            } catch { report.absences.append(error) }
        }
    }

    /// Runs the command once in each path. Where it fails in some and not in others, those cannot do it; where it fails in
    /// all, it is the command that fails.
    private func checkPaths() throws(Failure) {
        var problems: [(PathRunner, RunProblem)] = []
        for runner in runners {
            progress("trying each once", runner.path.name, 0)
            do throws(RunProblem) {
                do throws(Failure) { try runner.path.prepare(subject) } catch { throw .host(error) }
                _ = try runner.run(subject, subject.command, round: 0)
                add(runner)
            } catch {
                if case .interrupted = error { throw Self.interrupted }
                problems.append((runner, error))
            }
        }
        guard !report.paths.isEmpty else { throw nothingWorks(problems) }
        for (runner, problem) in problems { drop(runner, problem, when: "") }
    }

    private static let interrupted = Failure(
        .usage, "cannot compare", because: "it was interrupted before the first figure was there")

    private func add(_ runner: PathRunner) {
        let path = runner.path
        var entry = PathReport(name: path.name)
        entry.version = path.version
        entry.description = path.description
        entry.cpuScope = runner.cpuScope
        entry.executableByteCount = path.executables.reduce(0) { $0 + Files.byteCount($1) }
        entry.imageByteCount = path.imageByteCount(subject)
        report.paths.append(entry)
    }

    /// Nothing is timed that fails: its own words are the result.
    private func nothingWorks(_ problems: [(PathRunner, RunProblem)]) -> Failure {
        guard let (runner, problem) = problems.first else {
            let reasons = report.absences.map { "\($0.path): \($0.why)" }.joined(separator: "; ")
            return Failure(
                .unavailable, "cannot compare anything", because: "no path is there (\(reasons))",
                cure: report.absences.compactMap(\.cure).first)
        }
        let what = "cannot compare \(subject.command.joined(separator: " "))"
        switch problem {
        case .failed(let outcome), .outOfTime(let outcome):
            let words = [outcome.output, outcome.error].flatMap { $0.split(whereSeparator: \.isNewline) }
                .suffix(20)
            let others = problems.dropFirst().map {
                "\($0.0.path.name): \($0.1.description(limit: options.limit))"
            }
            return Failure(
                .badInput, what,
                because: "it fails; \(runner.path.name): \(problem.description(limit: options.limit))",
                cure: (words.map(String.init) + others).joined(separator: "\n  "))
        case .host(let failure): return failure
        case .interrupted: return Self.interrupted
        }
    }

    /// Takes a path out: it is named with its own last words, and the others go on.
    private func drop(_ runner: PathRunner, _ problem: RunProblem, when: String) {
        let why = when + problem.description(limit: options.limit)
        let kind: Absence.Kind = if case .outOfTime = problem { .hung } else { .broken }
        let cure: String? =
            switch problem {
            case .outOfTime: "A longer time for each run: --limit SECONDS"
            case .host(let failure): failure.cure
            default: nil
            }
        report.absences.append(Absence(runner.path.name, kind, why.shortened(to: 300), cure: cure))
        report.paths.removeAll { $0.name == runner.path.name }
    }

    private var active: [PathRunner] {
        runners.filter { runner in report.paths.contains { $0.name == runner.path.name } }
    }

    /// Those that programs of ours can be run in.
    private var visited: [PathRunner] { active.filter(\.path.runsOursInside) }

    private func change(_ runner: PathRunner, _ body: (inout PathReport) -> Void) {
        guard let index = report.paths.firstIndex(where: { $0.name == runner.path.name }) else { return }
        body(&report.paths[index])
    }
}

// MARK: - Starting

extension Comparison {
    /// The paths take turns, in an order that is new for each round, so that drift hits all alike.
    private func measureStartup(together count: Int) throws(RunProblem) {
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

    /// Whether so many can be expected to fit into memory.
    private func fits(_ runner: PathRunner, _ count: Int) -> Bool {
        let attempt = Attempt(path: runner.path.name, count: count)
        if count == 1 { return true }
        if unfit.contains(attempt) { return false }
        let each = report.paths.first { $0.name == attempt.path }?.crowd?.memoryByteCount ?? 0
        let needed = each * Double(count)
        let available = Double(MemoryInfo.availableByteCount())
        if needed < available * 0.9 { return true }
        unfit.insert(attempt)
        note(
            "\(attempt.path), \(count) at once: not run, because they would need \(Decimal.bytes(needed)) and "
                + "\(Decimal.bytes(available)) is there.")
        return false
    }

    private func note(_ text: String) { report.notes.append(text) }
}

/// So many instances of one path at once.
private struct Attempt: Hashable {
    let path: String
    let count: Int
}

// MARK: - Inside

extension Comparison {
    /// The image with a layer of ours, made known to all paths.
    private func prepareInside() -> Subject? {
        progress("adding programs of ours to the image", "", 0)
        do throws(Failure) {
            let layer = try InsideLayer.make(context.monitor, in: workspace)
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

    private func measureInside(_ inside: Subject) throws(RunProblem) {
        let isStatic = InsideLayer.isStatic(context.monitor)
        if !isStatic {
            note("Work and isolation need the static executable that `make` builds; this one is not.")
        }
        for runner in visited where wants(.crowd) {
            try attempt("footprint", runner) { () throws(RunProblem) in
                let trial = CrowdTrial(
                    runner: runner, context: context, interruption: interruption, most: options.crowd,
                    limit: options.limit)
                let crowd = try trial.run(inside, [InsideProgram.idle])
                change(runner) { $0.crowd = crowd }
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

    /// A trial that fails is told of, and the path keeps its other figures.
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
