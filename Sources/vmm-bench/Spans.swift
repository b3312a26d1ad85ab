import Glibc
import Host
import Measure

/// Where the time of vmm's own runs goes, by the steps of `--timings`.
enum Spans {
    /// A part of a run, from one step to another. From the start of the process if `from` is nil.
    struct Span {
        let name: String
        let from: String?
        let to: String
    }

    private static let samples = 3

    /// Runs `words` several times with `--timings`, and returns the steps of each run.
    static func measure(_ words: [String], _ arguments: [String] = [], _ stage: Stage) throws(Failure) -> JSON
    {
        let file = stage.path("timings")
        var all: [JSON] = []
        for _ in 0..<samples {
            usleep(100_000)
            var launch = Launch(
                words + ["--timings", file] + arguments,
                environment: stage.programs.environment + [stage.storeVariable])
            launch.output = .discarded
            launch.error = .discarded
            let outcome = try stage.programs.complete(launch, seconds: 60)
            let text = String(decoding: try WholeFile.read(file, upTo: 1 << 20), as: UTF8.self)
            guard outcome.isSuccess, let timings = MonitorTimings(text) else {
                throw Failure(
                    .host, "cannot run \(words.joined(separator: " "))", because: "\(outcome.ending)")
            }
            let steps = timings.steps.sorted { $0.value < $1.value }
            all.append(.object([("steps", .object(steps.map { ($0.key, .integer(Int($0.value))) }))]))
        }
        return .array(all)
    }

    /// Makes a row for each span: its median without the first run, whose caches were cold. The last row is
    /// the time outside the process, of a run that takes `wall` nanoseconds.
    static func rows(_ name: String, _ spans: [Span], _ figures: JSONField, wall: Double) throws(Failure)
        -> [Row]
    {
        var runs: [[String: Double]] = []
        for run in try figures.elements().dropFirst() {
            let steps = try run.member("steps")
            var times: [String: Double] = [:]
            for step in try steps.object().keys { times[step] = try steps.member(step).number() }
            runs.append(times)
        }
        var rows: [Row] = []
        for span in spans {
            let lengths = runs.compactMap { steps -> Double? in
                guard let end = steps[span.to] else { return nil }
                guard let from = span.from else { return end }
                return steps[from].map { end - $0 }
            }
            if lengths.isEmpty { continue }
            rows.append(.fact("\(name): \(span.name)", Row.milliseconds(Distribution(lengths).median)))
        }
        let ends = runs.compactMap { $0["end"] }
        if !ends.isEmpty {
            let rest = max(wall - Distribution(ends).median, 0)
            rows.append(.fact("\(name): exec before, teardown after", Row.milliseconds(rest)))
        }
        return rows
    }
}
