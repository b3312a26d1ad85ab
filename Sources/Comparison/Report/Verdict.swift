import Host
public import Measure

/// The ratio of one path's time to another's.
public struct Verdict: Sendable {
    public let path: String
    public let reference: String
    public let ratio: MedianRatio

    /// The verdict in one line for the user.
    public var text: String {
        let times = Decimal.short(ratio.ratio)
        let range = "\(Decimal.short(ratio.low)) to \(Decimal.short(ratio.high))"
        switch ratio.verdict {
        case .quicker, .slower:
            return "\(path) takes \(times) times as long as \(reference) (95 % sure: \(range))"
        case .indistinguishable:
            return "\(path) and \(reference) are too noisy to rank: \(times) times, anything from \(range)"
        case .tooFew:
            return "\(path) takes \(times) times as long as \(reference) in too few runs to rank them"
        }
    }
}

extension ComparisonReport {
    /// The verdicts: vmm compared with every other path if vmm was measured, otherwise every path compared
    /// with the quickest.
    public var verdicts: [Verdict] {
        let measured = paths.compactMap { path in path.total().map { (path.name, $0) } }
        if let own = measured.first(where: { $0.0 == "vmm" }) {
            return measured.filter { $0.0 != "vmm" }.map {
                Verdict(path: "vmm", reference: $0.0, ratio: MedianRatio(own.1, to: $0.1))
            }
        }
        guard let quickest = measured.min(by: { $0.1.median < $1.1.median }) else { return [] }
        return measured.filter { $0.0 != quickest.0 }.map {
            Verdict(path: $0.0, reference: quickest.0, ratio: MedianRatio($0.1, to: quickest.1))
        }
    }

    /// The paths whose figures scatter so much that their medians mean little.
    public var noisyPaths: [(name: String, spread: Double)] {
        paths.compactMap { path in
            path.total().flatMap { $0.isNoisy ? (path.name, $0.spread) : nil }
        }
    }
}
