/// The ratio of two medians, with a 95 % confidence interval by bootstrap: both distributions are resampled,
/// and 95 % of the ratios lie from `low` to `high`.
public struct MedianRatio: Hashable, Sendable {
    public enum Verdict: String, Sendable {
        case quicker, slower
        /// The interval contains 1: the samples do not decide.
        case indistinguishable
        /// There are too few samples for a meaningful interval.
        case tooFew = "too_few"
    }

    /// The least number of samples that are ranked.
    public static let fewestSamples = 5

    public let ratio: Double
    public let low: Double
    public let high: Double
    public let verdict: Verdict

    /// Computes the ratio of `measured` to `reference`. The same samples give the same interval.
    public init(_ measured: Distribution, to reference: Distribution, rounds: Int = 1000) {
        ratio = measured.median / reference.median
        var random = RandomSequence(seed: 0x766D_6D00)
        let ratios = Distribution(
            (0..<rounds).map { _ in
                measured.redrawnMedian(&random) / reference.redrawnMedian(&random)
            })
        low = ratios.quantile(0.025)
        high = ratios.quantile(0.975)
        verdict =
            if min(measured.samples.count, reference.samples.count) < Self.fewestSamples {
                .tooFew
            } else if high < 1 {
                .quicker
            } else if low > 1 {
                .slower
            } else {
                .indistinguishable
            }
    }
}

extension Distribution {
    /// Returns the median of as many samples, drawn with replacement.
    fileprivate func redrawnMedian(_ random: inout RandomSequence) -> Double {
        Distribution(
            (0..<samples.count).map { _ in samples[Int.random(in: 0..<samples.count, using: &random)] }
        )
        .median
    }
}
