import Glibc
import Host
import Measure

/// Programs that are timed in turn, A B A B, so that other load on the host affects all alike.
///
/// The clock is read before the process is created and after its end. A run that fails ends the measurement:
/// a failed run is never a quick one.
struct TimedRuns {
    /// A program that is timed.
    struct Program {
        let name: String
        /// Whether the program writes its times to standard output, as `vmm --timings /dev/stdout` does.
        var writesTimings = false
        /// Makes the launch of a round; each may need a directory of its own.
        let launch: (_ round: Int) -> Launch

        init(name: String, launch: @escaping (_ round: Int) -> Launch) {
            self.name = name
            self.launch = launch
        }

        /// Makes a program that runs `words`, a path and its arguments, in each round.
        init(_ name: String, _ words: [String], _ programs: Programs, writesTimings: Bool = false) {
            self.init(name: name) { _ in Launch(words, environment: programs.environment) }
            self.writesTimings = writesTimings
        }
    }

    let programs: Programs
    let samples: Int
    var warmup = 1
    /// The milliseconds before each run. In them the kernel destroys the previous run's VM or namespaces, so
    /// no run pays for it.
    var pause: UInt32 = 0
    /// The limit of a run in seconds.
    var limit = 60.0

    /// Times all of `timed`, and returns their samples in nanoseconds.
    func run(_ timed: [Program]) throws(Failure) -> JSON {
        var series = timed.map { _ in Series() }
        for round in -warmup..<samples {
            for (index, program) in timed.enumerated() {
                usleep(pause * 1000)
                let outcome = try run(program, round)
                if round >= 0 { try series[index].add(outcome, of: program) }
            }
        }
        return .array(zip(timed, series).map { $1.json(named: $0.name) })
    }

    private func run(_ program: Program, _ round: Int) throws(Failure) -> Outcome {
        var launch = program.launch(round)
        launch.output = program.writesTimings ? .captured : .discarded
        launch.error = .discarded
        let outcome = try programs.complete(launch, seconds: limit)
        guard outcome.isSuccess else {
            throw Failure(.host, "cannot time \(program.name)", because: "\(outcome.ending)")
        }
        return outcome
    }

    /// The samples of one program.
    private struct Series {
        private var wall: [Double] = []
        private var marker: [Double] = []
        private var cpu: [Double] = []
        private var peakKibibytes = 0

        mutating func add(_ outcome: Outcome, of program: Program) throws(Failure) {
            wall.append((outcome.end.seconds(since: outcome.begin) * 1e9).rounded())
            cpu.append(Double(outcome.treeCPU))
            peakKibibytes = max(peakKibibytes, outcome.peakKibibytes)
            guard program.writesTimings else { return }
            let timings = MonitorTimings(outcome.output)
            guard let seconds = timings?.seconds(to: "userland", since: outcome.spawn) else {
                throw Failure(
                    .host, "cannot time \(program.name)", because: "its guest did not reach its boot marker")
            }
            marker.append((seconds * 1e9).rounded())
        }

        func json(named name: String) -> JSON {
            var members: [(String, JSON)] = [("name", .string(name)), ("wall_ns", Self.json(wall))]
            if !marker.isEmpty { members.append(("mark_ns", Self.json(marker))) }
            members += [("cpu_ns", Self.json(cpu)), ("peak_rss_kib", .integer(peakKibibytes))]
            return .object(members)
        }

        /// The samples in the order in which they were taken, so that a drift can be seen.
        private static func json(_ samples: [Double]) -> JSON {
            func whole(_ value: Double) -> JSON { .integer(Int(value)) }
            let all = Distribution(samples)
            return .object([
                ("min", whole(all.minimum)), ("median", whole(all.median)), ("p90", whole(all.quantile(0.9))),
                ("samples", .array(samples.map(whole))),
            ])
        }
    }
}

/// The figures of timed programs, as `TimedRuns` wrote them.
struct TimedFigures {
    /// The names of the programs, in the order in which they were timed.
    let names: [String]
    private let fields: [String: JSONField]

    init(_ list: JSONField...) throws(Failure) {
        var (names, fields): ([String], [String: JSONField]) = ([], [:])
        for list in list {
            for field in try list.elements() {
                let name = try field.member("name")
                let text = try name.required(try name.text())
                names.append(text)
                fields[text] = field
            }
        }
        (self.names, self.fields) = (names, fields)
    }

    /// A quantity that was sampled.
    enum Quantity: String {
        case wall = "wall_ns"
        case marker = "mark_ns"
        case cpu = "cpu_ns"
    }

    enum Statistic: String {
        case minimum = "min"
        case median
    }

    /// Returns a statistic of the program `name` in nanoseconds.
    func nanoseconds(_ name: String, _ quantity: Quantity, _ statistic: Statistic) throws(Failure) -> Double {
        guard let program = fields[name] else {
            throw Failure(.badInput, "cannot report \(name)", because: "its figures are missing")
        }
        let field = try program.member(quantity.rawValue).member(statistic.rawValue)
        return try field.required(try field.number())
    }

    /// Makes rows of vmm's wall time and CPU time beside those of every other program. `limits` has the
    /// promised ratios of wall times, by name.
    func rows(limits: [String: Double]) throws(Failure) -> [Row] {
        var rows: [Row] = []
        for name in names where name != "vmm" {
            for (what, quantity, limit) in [("wall", Quantity.wall, limits[name]), ("CPU time", .cpu, nil)] {
                let own = try nanoseconds("vmm", quantity, .median)
                let other = try nanoseconds(name, quantity, .median)
                rows.append(
                    .ratio(
                        "\(what), \(name)", Row.milliseconds(own), Row.milliseconds(other), own / other,
                        atMost: limit))
            }
        }
        return rows
    }
}
