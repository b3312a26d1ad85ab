import Host
import Measure

/// The selection of paths: finding them, trying each once, and dropping those that fail.
extension Comparison {
    func findPaths() {
        for name in options.paths {
            progress("looking for the paths", name, 0)
            do throws(Absence) {
                let path = try finder.find(name)
                let runner = PathRunner(path, context, interruption: interruption, limit: options.limit)
                runners.append(runner)
            } catch { report.absences.append(error) }
        }
    }

    /// Runs the command once in each path. Drops the paths in which it fails. If it fails in all of them,
    /// throws the command's failure.
    func checkPaths() throws(Failure) {
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
        .usage, "cannot compare", because: "the user interrupted it before the first figure")

    private func add(_ runner: PathRunner) {
        let path = runner.path
        var entry = PathReport(name: path.name)
        entry.version = path.version
        entry.description = path.description
        entry.cpuScope = runner.cpuScope
        entry.executableByteCount = path.executables.reduce(0) {
            $0 + Int(clamping: FileStatus(of: $1)?.byteCount ?? 0)
        }
        entry.imageByteCount = path.imageByteCount(subject)
        report.paths.append(entry)
    }

    /// Makes the failure of a command that fails in every path. The command's own output is the explanation.
    private func nothingWorks(_ problems: [(PathRunner, RunProblem)]) -> Failure {
        guard let (runner, problem) = problems.first else {
            let reasons = report.absences.map { "\($0.path): \($0.why)" }.joined(separator: "; ")
            return Failure(
                .unavailable, "cannot compare anything", because: "no path is available (\(reasons))",
                cure: report.absences.compactMap(\.cure).first)
        }
        let what = "cannot compare \(subject.command.joined(separator: " "))"
        switch problem {
        case .failed(let outcome), .outOfTime(let outcome):
            let lines = [outcome.output, outcome.error].flatMap { $0.split(whereSeparator: \.isNewline) }
                .suffix(20)
            let others = problems.dropFirst().map {
                "\($0.0.path.name): \($0.1.description(limit: options.limit))"
            }
            return Failure(
                .badInput, what,
                because: "it fails; \(runner.path.name): \(problem.description(limit: options.limit))",
                cure: (lines.map(String.init) + others).joined(separator: "\n  "))
        case .host(let failure): return failure
        case .interrupted: return Self.interrupted
        }
    }

    /// Removes a path from the report and lists it as absent, with the reason. The other paths continue.
    func drop(_ runner: PathRunner, _ problem: RunProblem, when: String) {
        let why = when + problem.description(limit: options.limit)
        let kind: Absence.Kind = if case .outOfTime = problem { .hung } else { .broken }
        let cure: String? =
            switch problem {
            case .outOfTime: "Give each run more time: --limit SECONDS"
            case .host(let failure): failure.cure
            default: nil
            }
        report.absences.append(Absence(runner.path.name, kind, why.shortened(to: 300), cure: cure))
        report.paths.removeAll { $0.name == runner.path.name }
    }

    var active: [PathRunner] {
        runners.filter { runner in report.paths.contains { $0.name == runner.path.name } }
    }

    /// The active paths in which vmm's own programs can run.
    var visited: [PathRunner] { active.filter(\.path.runsOursInside) }

    func change(_ runner: PathRunner, _ body: (inout PathReport) -> Void) {
        guard let index = report.paths.firstIndex(where: { $0.name == runner.path.name }) else { return }
        body(&report.paths[index])
    }
}
