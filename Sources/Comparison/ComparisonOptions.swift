public import Host

/// The selection of measurements, and their number of runs.
public struct ComparisonOptions: Sendable {
    /// A group of figures.
    public enum Measurement: String, CaseIterable, Sendable {
        case startup
        /// The footprint of idle instances.
        case footprint = "crowd"
        case work, isolation
    }

    public var runs = 30
    public var warmup = 3
    /// The numbers of simultaneous instances.
    public var parallel = [1]
    public var paths = PathFinder.all
    public var measurements = Measurement.allCases
    /// The maximum number of idle instances.
    public var instanceLimit = 20
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
        func check(_ isValid: Bool, _ option: String, _ value: String, _ range: String) throws(Failure) {
            if isValid { return }
            throw Failure(.usage, "invalid value '\(value)' for \(option)", because: "not \(range)")
        }
        try check((1...100_000).contains(runs), "--runs", "\(runs)", "1 to 100000")
        try check((0...10_000).contains(warmup), "--warmup", "\(warmup)", "0 to 10000")
        let counts = parallel.map(String.init).joined(separator: ",")
        let areCounts = !parallel.isEmpty && parallel.allSatisfy { (1...1000).contains($0) }
        try check(areCounts, "--parallel", counts, "a list of numbers from 1 to 1000")
        try check((1...1000).contains(instanceLimit), "--crowd", "\(instanceLimit)", "1 to 1000")
        try check(limit > 0 && limit <= 86400, "--limit", Decimal.short(limit), "0.001 to 86400 seconds")
        let names = paths.joined(separator: ",")
        let areKnown = !paths.isEmpty && paths.allSatisfy(PathFinder.all.contains)
        try check(areKnown, "--paths", names, "a list of \(PathFinder.all.joined(separator: ", "))")
        try check(Set(paths).count == paths.count, "--paths", names, "a list that names each path once")
    }
}
