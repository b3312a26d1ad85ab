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

extension Distribution {
    public var median: Double { quantile(0.5) }
    public var mean: Double { samples.reduce(0, +) / Double(samples.count) }

    /// The distance from the 10th to the 90th percentile, as a share of the median.
    public var spread: Double {
        median > 0 ? (quantile(0.9) - quantile(0.1)) / median : 0
    }

    /// Above this spread a figure is called noisy.
    public static let noisySpread = 0.5

    public var isNoisy: Bool { spread > Self.noisySpread }
}
