public import Measure

/// The result of a comparison.
public struct ComparisonReport: Sendable {
    public var host: HostDescription
    /// The image's name, as the user wrote it.
    public var image: String
    public var command: [String]
    public var options: ComparisonOptions
    /// The command line that repeats the comparison.
    public var repetition: [String]
    public var paths: [PathReport] = []
    public var absences: [Absence] = []
    /// Remarks that a reader of the figures must know.
    public var notes: [String] = []
    /// Whether the user interrupted the comparison.
    public var isPartial = false
    /// The duration of the whole comparison, in seconds.
    public var duration = 0.0

    public init(
        host: HostDescription, image: String, command: [String], options: ComparisonOptions,
        repetition: [String]
    ) {
        self.host = host
        self.image = image
        self.command = command
        self.options = options
        self.repetition = repetition
    }
}

/// The figures of one path.
public struct PathReport: Sendable {
    public let name: String
    public var version = ""
    public var description = ""
    /// The processes whose CPU time counts.
    public var cpuScope = ""
    /// The samples of all rounds, in the order in which they were taken.
    public var samples: [Sample] = []
    public var footprint: Footprint?
    public var imageByteCount: Int?
    public var executableByteCount = 0
    public var work: [WorkResult] = []
    public var isolation: [Sight] = []

    public init(name: String) {
        self.name = name
    }

    /// Returns the samples of runs with `together` simultaneous instances.
    public func samples(together: Int) -> [Sample] { samples.filter { $0.together == together } }

    public func total(together: Int = 1) -> Distribution? {
        let values = samples(together: together).map(\.total)
        return values.isEmpty ? nil : Distribution(values)
    }

    public func firstByte(together: Int = 1) -> Distribution? {
        let values = samples(together: together).compactMap(\.firstByte)
        return values.isEmpty ? nil : Distribution(values)
    }

    public func cpu(together: Int = 1) -> Distribution? {
        let values = samples(together: together).compactMap(\.cpu)
        return values.isEmpty ? nil : Distribution(values)
    }

    /// Returns the mean of each phase, in order, over the middle half of the runs. Means, unlike medians, add
    /// up to the mean of the total; the middle half excludes a few extremely slow runs.
    public func phases(together: Int = 1) -> [Sample.Phase] {
        let all = samples(together: together).sorted { $0.total < $1.total }
        let samples = all.dropFirst(all.count / 4).dropLast(all.count / 4)
        guard let first = samples.first else { return [] }
        var names = first.phases.map(\.name)
        for sample in samples {
            for phase in sample.phases where !names.contains(phase.name) { names.append(phase.name) }
        }
        return names.map { name in
            let sum = samples.reduce(0.0) { sum, sample in
                sum + sample.phases.filter { $0.name == name }.reduce(0) { $0 + $1.seconds }
            }
            return Sample.Phase(name: name, seconds: sum / Double(samples.count))
        }
    }
}

/// Idle instances that run simultaneously.
public struct Footprint: Sendable {
    /// The figures with `count` instances.
    public struct Point: Sendable {
        public let count: Int
        /// The decrease of MemAvailable since the start of the trial.
        public let memoryByteCount: Int
        /// The median time from the start to the first byte, in seconds, of the instances added last.
        public let start: Double
    }

    public var points: [Point] = []
    /// The proportional set size of all processes of the path, for each instance; nil if it cannot be
    /// determined.
    public var pssByteCount: Int?
    /// The number of processes and threads on the host, for each instance.
    public var processCount: Double?
    public var threadCount: Double?
    /// The reason why no more instances were started.
    public var end = ""
    /// The number of instances that would fit into the available memory, at the cost of those that were
    /// started.
    public var capacity: Int?

    public init() {}

    /// The memory of one instance: the decrease of MemAvailable divided by their number.
    ///
    /// Nil if MemAvailable increased: then other processes freed more memory than all instances took.
    public var memoryByteCount: Double? {
        points.last.flatMap { $0.memoryByteCount > 0 ? Double($0.memoryByteCount) / Double($0.count) : nil }
    }
}

/// The rates of one piece of work inside a path.
public struct WorkResult: Sendable {
    public let name: String
    /// The measured rates in `unit`; more is better.
    public let rates: [Double]
    public let unit: String

    public var median: Double { Distribution(rates).median }
}

/// A property of the path's isolation: something that the command sees or may do.
public struct Sight: Sendable {
    public let name: String
    public let value: String
}
