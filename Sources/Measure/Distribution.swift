/// The samples of one quantity, and their statistics.
public struct Distribution: Hashable, Sendable {
    /// The samples in the order in which they were taken.
    public let samples: [Double]
    private let sorted: [Double]

    /// Makes the distribution of `samples`, which must not be empty.
    public init(_ samples: [Double]) {
        precondition(!samples.isEmpty, "nothing was measured")
        self.samples = samples
        sorted = samples.sorted()
    }

    public var minimum: Double { sorted[0] }
    public var maximum: Double { sorted[sorted.count - 1] }

    /// Returns the quantile of `share`, 0 to 1, interpolated linearly between two samples.
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

    /// The spread above which a distribution is called noisy.
    public static let noisySpread = 0.5

    public var isNoisy: Bool { spread > Self.noisySpread }
}
