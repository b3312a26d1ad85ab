public import Host

/// The selection of measurements, and their number of runs.
public struct ComparisonOptions: Sendable {
    /// A group of figures.
    public enum Measurement: String, CaseIterable, Sendable {
        case startup, crowd, work, isolation
    }

    public var runs = 30
    public var warmup = 3
    /// The numbers of simultaneous instances.
    public var parallel = [1]
    public var paths = PathFinder.all
    public var measurements = Measurement.allCases
    /// The maximum number of idle instances.
    public var crowd = 20
    /// The time limit of a run, in seconds.
    public var limit = 60.0
    /// The seed of the order of the paths.
    public var seed: UInt64 = 1
    /// A directory in memory for all files that the comparison makes.
    public var workspace = "/dev/shm"
    public var kernel: String?
    /// Words to add to the command line of the guest's kernel.
    public var append: String?
    /// Whether trials that can endanger the host are allowed, such as a fork bomb.
    public var allowsDangerousTrials = false

    public init() {}

    /// Refuses invalid values.
    public func validate() throws(Failure) {
        func refuse(_ what: String, _ why: String) -> Failure { Failure(.usage, what, because: why) }
        guard (1...100_000).contains(runs) else {
            throw refuse("cannot do \(runs) runs", "1 to 100000 can be done")
        }
        guard (0...10_000).contains(warmup) else {
            throw refuse("cannot warm up \(warmup) times", "0 to 10000 can be done")
        }
        guard !parallel.isEmpty, parallel.allSatisfy({ (1...1000).contains($0) }) else {
            throw refuse(
                "cannot run \(parallel.map(String.init).joined(separator: ",")) at once", "1 to 1000 can")
        }
        guard (1...1000).contains(crowd) else {
            throw refuse("cannot keep \(crowd) idle", "1 to 1000 can be kept")
        }
        guard limit > 0, limit <= 86400 else {
            throw refuse("cannot limit a run to \(Decimal.short(limit)) s", "0.001 to 86400 is possible")
        }
        for path in paths where !PathFinder.all.contains(path) {
            throw refuse("cannot compare \(path)", "the paths are \(PathFinder.all.joined(separator: ", "))")
        }
        guard !paths.isEmpty, Set(paths).count == paths.count else {
            throw refuse("cannot compare \(paths.joined(separator: ","))", "each path counts once")
        }
    }
}
