/// One measured run of one path.
public struct Sample: Sendable {
    /// A part of the run; all parts together are the whole.
    public struct Phase: Sendable, Equatable {
        public let name: String
        public let seconds: Double
    }

    /// From before anything is done for the run to the end of the process that was started.
    public var total: Double
    /// To the first byte of its standard output; nil where it wrote none.
    public var firstByte: Double?
    /// CPU time in user and kernel mode; nil where it cannot be told.
    public var cpu: Double?
    public var phases: [Phase]
    /// The round that it belongs to, and how many ran with it.
    public var round: Int
    public var together: Int
}

/// Points of time in a run, in order; what lies between two of them is a phase.
struct Milestones {
    private var points: [(name: String, seconds: Double)] = []

    /// What is called `name` ends `seconds` after the beginning.
    mutating func end(_ name: String, at seconds: Double?) {
        if let seconds { points.append((name, seconds)) }
    }

    /// The phases of a run that took `total`. A point that lies before the one before it, or behind the end, is moved: a
    /// clock of the guest's and ours may disagree, and the parts are still the whole.
    func phases(total: Double, last: String) -> [Sample.Phase] {
        var phases: [Sample.Phase] = []
        var before = 0.0
        for point in points {
            let end = min(max(point.seconds, before), total)
            phases.append(Sample.Phase(name: point.name, seconds: end - before))
            before = end
        }
        return phases + [Sample.Phase(name: last, seconds: total - before)]
    }
}
