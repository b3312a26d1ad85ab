import Host
import Measure

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
}

/// A number of simultaneous instances of one path.
struct Attempt: Hashable {
    let path: String
    let count: Int
}
