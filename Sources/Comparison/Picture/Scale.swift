/// Maps values to positions, in per cent of a picture's width or height.
struct Scale {
    let low: Double
    let high: Double
    let isLogarithmic: Bool
    /// The unit in which round values are round: 1, or a power of 1024 for bytes.
    private let unit: Double

    /// Makes a scale from 0 to the largest value. It is logarithmic if the largest value is more than 20
    /// times the least: a linear one would crowd most values at the edge.
    init(_ values: [Double], mayBeLogarithmic: Bool = true, isBytes: Bool = false) {
        let positive = values.filter { $0 > 0 }
        let (least, most) = (positive.min() ?? 1, positive.max() ?? 1)
        isLogarithmic = mayBeLogarithmic && most / least > 20
        low = isLogarithmic ? least / 1.3 : 0
        high = isLogarithmic ? most * 1.3 : most * 1.04
        var unit = 1.0
        while isBytes, unit * 1024 <= most { unit *= 1024 }
        self.unit = unit
    }

    /// Returns the position of a value, from 0 to 100.
    func place(_ value: Double) -> Double {
        if isLogarithmic { return Logarithm.of(max(value, low) / low) / Logarithm.of(high / low) * 100 }
        return high > 0 ? min(max(value / high, 0), 1) * 100 : 0
    }

    /// Round values for about four grid lines.
    var ticks: [Double] {
        if isLogarithmic {
            var power = 1e-9
            var ticks: [Double] = []
            while power <= high {
                if power >= low { ticks.append(power) }
                power *= 10
            }
            return ticks
        }
        let step = Self.roundStep(high / 4 / unit) * unit
        return Array(stride(from: 0, through: high, by: step))
    }

    /// Returns the least of 1, 2 or 5 times a power of ten that is at least `size`.
    private static func roundStep(_ size: Double) -> Double {
        var power = 1e-9
        while power * 10 <= size { power *= 10 }
        return [1, 2, 5, 10].map { $0 * power }.first { $0 >= size } ?? power * 10
    }
}

/// The natural logarithm, without a mathematical library: the exponent, and a series that converges quickly
/// near 1 for the significand.
enum Logarithm {
    static func of(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return 0 }
        let ratio = (value.significand - 1) / (value.significand + 1)
        var (term, sum) = (ratio, 0.0)
        for odd in stride(from: 1.0, to: 40, by: 2) {
            sum += term / odd
            term *= ratio * ratio
        }
        return 2 * sum + Double(value.exponent) * 0.693_147_180_559_945_3
    }
}
