import Host
import Measure

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
