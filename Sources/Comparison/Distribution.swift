/// Samples of one quantity, and what describes them.
public struct Distribution: Hashable, Sendable {
    /// In the order in which they were taken.
    public let samples: [Double]
    private let sorted: [Double]

    /// `samples` must not be empty.
    public init(_ samples: [Double]) {
        precondition(!samples.isEmpty, "nothing was measured")
        self.samples = samples
        sorted = samples.sorted()
    }

    public var minimum: Double { sorted[0] }
    public var maximum: Double { sorted[sorted.count - 1] }

    /// The value that the given share of the samples, 0 to 1, does not pass, interpolated between its neighbours.
    public func quantile(_ share: Double) -> Double {
        let place = min(max(share, 0), 1) * Double(sorted.count - 1)
        let below = Int(place)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
    }
}
