/// One measured run of one path.
public struct Sample: Sendable {
    /// A part of the run. The phases of a run add up to its total.
    public struct Phase: Sendable, Equatable {
        public let name: String
        public let seconds: Double
    }

    /// The seconds from before any work for the run to the end of the started process.
    public var total: Double
    /// The seconds to the first byte on standard output; nil if none was written.
    public var firstByte: Double?
    /// The user and kernel CPU time in seconds; nil if it cannot be determined.
    public var cpu: Double?
    public var phases: [Phase]
    /// The round of the run, and the number of instances that ran simultaneously.
    public var round: Int
    public var together: Int
}

/// Points in time of a run, in order; a phase lies between two of them.
struct Milestones {
    private var points: [(name: String, seconds: Double)] = []

    /// Ends the phase `name` at `seconds` after the beginning.
    mutating func end(_ name: String, at seconds: Double?) {
        if let seconds { points.append((name, seconds)) }
    }

    /// Returns the phases of a run that took `total`. A point before its predecessor or after the end is
    /// moved, so that the phases still add up: the guest's clock and the host's may disagree.
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
