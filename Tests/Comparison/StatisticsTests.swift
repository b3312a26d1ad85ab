import Foundation
import Host
import Testing

@testable import Comparison
@testable import Measure

@Suite("what samples say")
struct StatisticsTests {
    @Test("quantiles lie between the neighbours in order")
    func quantiles() {
        let distribution = Distribution([4, 1, 3, 2, 5])
        #expect(distribution.minimum == 1 && distribution.maximum == 5)
        #expect(distribution.quantile(0.5) == 3)
        #expect(abs(distribution.quantile(0.9) - 4.6) < 1e-12)
        #expect(Distribution([7]).quantile(0.99) == 7)
    }

    /// Scattered around `centre` by `spread`, the same each time.
    private func samples(_ centre: Double, _ spread: Double, seed: UInt64, count: Int = 30) -> Distribution {
        var random = RandomSequence(seed: seed)
        return Distribution(
            (0..<count).map { _ in centre + Double.random(in: -spread...spread, using: &random) })
    }

    @Test("a difference beyond the scatter is told, with the range that holds it")
    func different() {
        let ratio = MedianRatio(samples(12, 1, seed: 1), to: samples(10, 1, seed: 2))
        #expect(ratio.verdict == .slower)
        #expect(ratio.low > 1 && ratio.low < 1.2 && ratio.high > 1.2 && ratio.high < 1.5)
        #expect(MedianRatio(samples(10, 1, seed: 2), to: samples(12, 1, seed: 1)).verdict == .quicker)
    }

    @Test("what the scatter hides is not ranked")
    func indistinguishable() {
        let ratio = MedianRatio(samples(10.1, 5, seed: 3), to: samples(10, 5, seed: 4))
        #expect(ratio.verdict == .indistinguishable)
        #expect(ratio.low < 1 && ratio.high > 1)
        let verdict = Verdict(path: "a", reference: "b", ratio: ratio)
        #expect(verdict.text.contains("too noisy to rank"))
        #expect(
            verdict.text.contains(Decimal.short(ratio.low))
                && verdict.text.contains(Decimal.short(ratio.high)))
    }

    @Test("four runs are too few to rank")
    func tooFew() {
        #expect(MedianRatio(Distribution([1, 1, 1, 1]), to: Distribution([9, 9, 9, 9])).verdict == .tooFew)
    }

    @Test("the same samples give the same range")
    func deterministic() {
        let (left, right) = (samples(12, 4, seed: 1), samples(10, 4, seed: 2))
        #expect(MedianRatio(left, to: right) == MedianRatio(left, to: right))
    }

    @Test("phases add up to the whole, whatever the clocks say")
    func phases() {
        var milestones = Milestones()
        milestones.end("early", at: 0.2)
        milestones.end("backwards", at: 0.1)
        milestones.end("unknown", at: nil)
        milestones.end("beyond", at: 5)
        let phases = milestones.phases(total: 1, last: "end")
        #expect(phases.map(\.name) == ["early", "backwards", "beyond", "end"])
        #expect(phases.map(\.seconds) == [0.2, 0, 0.8, 0])
        #expect(Milestones().phases(total: 3, last: "end") == [Sample.Phase(name: "end", seconds: 3)])
    }

    @Test("logarithms are those of everybody else")
    func logarithms() {
        for value in [1e-9, 0.001, 0.5, 1, 1.5, 2, 10, 12345.678, 1e12] {
            #expect(abs(Logarithm.of(value) - log(value)) < 1e-9 * max(1, abs(log(value))), "\(value)")
        }
    }

    @Test("a scale keeps everything in the picture, and its lines are round")
    func scales() {
        for values in [[0.001, 0.002], [0.0007, 0.3], [5], [0.0], [1e-9, 3600]] {
            let scale = Scale(values)
            for value in values { #expect((0...100).contains(scale.place(value)), "\(values)") }
            #expect(scale.ticks.count <= 14, "\(values)")
        }
        #expect(Scale([40 * 1024 * 1024], isBytes: true).ticks.contains(20 * 1024 * 1024))
    }

    @Test(
        "dates are those of the calendar",
        arguments: [0, 951_782_400, 1_709_210_096, 1_795_264_969, 4_102_444_799])
    func dates(_ seconds: Int) {
        let expected = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
        #expect(UTC.text(seconds) == expected)
    }
}

extension StatisticsTests {
    @Test("where the time goes is told of the runs in the middle, and adds up to their mean")
    func middle() {
        var path = PathReport(name: "runc")
        for (round, seconds) in [0.4, 900, 1, 2, 3, 4, 5, 1000].enumerated() {
            path.samples.append(
                Sample(
                    total: seconds, firstByte: nil, cpu: nil,
                    phases: [
                        .init(name: "start", seconds: seconds / 4),
                        .init(name: "end", seconds: seconds * 0.75),
                    ],
                    round: round + 1, together: 1))
        }
        #expect(path.phases() == [.init(name: "start", seconds: 0.875), .init(name: "end", seconds: 2.625)])
        path.samples.removeLast(7)
        #expect(path.phases().map(\.name) == ["start", "end"] && path.phases(together: 2).isEmpty)
    }
}
