import Measure

/// Runs the same pieces of work inside each path.
struct WorkTrial {
    let runner: PathRunner

    func run(_ subject: Subject) throws(RunProblem) -> [WorkResult] {
        let (_, outcomes) = try runner.complete(subject, InsideProgram.command(.work))
        return InsideProgram.answers(outcomes[0].output).compactMap { answer in
            let words = answer.name.split(separator: ":").map(String.init)
            let rates = answer.value.split(separator: " ").compactMap { Double($0) }.map { $0 * 1000 }
            guard words.count == 3, words[0] == "work", !rates.isEmpty else { return nil }
            return WorkResult(name: words[1], rates: rates, unit: words[2])
        }
    }
}
