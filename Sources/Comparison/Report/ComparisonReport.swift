/// All that was found out.
public struct ComparisonReport: Sendable {
    public var host: HostDescription
    /// As the user named it.
    public var image: String
    public var command: [String]
    public var options: ComparisonOptions
    /// The command line that repeats it.
    public var repetition: [String]
    public var paths: [PathReport] = []
    public var absences: [Absence] = []
    /// What a reader has to know of the figures.
    public var notes: [String] = []
    /// Whether the user ended it early.
    public var isPartial = false
    /// Seconds that all of it took.
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

/// One path's figures.
public struct PathReport: Sendable {
    public let name: String
    public var version = ""
    public var description = ""
    /// What the CPU time of a run includes.
    public var cpuScope = ""
    /// In the order in which they were taken, of all rounds.
    public var samples: [Sample] = []
    public var crowd: Crowd?
    public var imageByteCount: Int?
    public var executableByteCount = 0
    public var work: [WorkResult] = []
    public var isolation: [Sight] = []

    public init(name: String) {
        self.name = name
    }

    /// The samples of runs that were so many at once.
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

    /// The mean of each phase, in order, of the half of the runs that lies in the middle: means, unlike medians, add up to the
    /// mean of the whole, and a few runs that took for ever are not in them.
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

/// Idle instances that run at the same time.
public struct Crowd: Sendable {
    /// How things stand with `count` instances.
    public struct Point: Sendable {
        public let count: Int
        /// By how much MemAvailable fell.
        public let memoryByteCount: Int
        /// Median time from the start to the first byte of the instances that were added last.
        public let start: Double
    }

    public var points: [Point] = []
    /// Proportional set size of every process of the path, by instance; nil where they cannot be told.
    public var pssByteCount: Int?
    /// Processes and threads on the host, by instance.
    public var processCount: Double?
    public var threadCount: Double?
    /// Why there are no more points.
    public var end = ""
    /// How many would fit into the memory that was available, at the cost of those that were started.
    public var capacity: Int?

    public init() {}

    /// Memory by instance, over as many as there were.
    ///
    /// nil where there was more afterwards than before: then others on the host gave more back than all of them took.
    public var memoryByteCount: Double? {
        points.last.flatMap { $0.memoryByteCount > 0 ? Double($0.memoryByteCount) / Double($0.count) : nil }
    }
}

/// A piece of work done inside.
public struct WorkResult: Sendable {
    public let name: String
    /// In `unit`, more is better.
    public let rates: [Double]
    public let unit: String

    public var median: Double { Distribution(rates).median }
}

/// Something that a command sees or may do.
public struct Sight: Sendable {
    public let name: String
    public let value: String
}
