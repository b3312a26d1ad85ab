/// Parsers for numbers as docker's users write them.
public enum Quantity {
    public static let billion: UInt64 = 1_000_000_000

    /// Reads a size: `512m`, `1.5g`, `64MiB`, or a number of bytes. Units are binary multiples, as docker has
    /// them. Nil if the text is no size.
    public static func byteCount(_ text: String) -> UInt64? {
        let digits = text.utf8.prefix { isDigit($0) || $0 == UInt8(ascii: ".") }
        guard let number = Decimal(digits), let unit = unit(text.utf8.dropFirst(digits.count)) else {
            return nil
        }
        let (whole, overflow) = number.whole.multipliedReportingOverflow(by: unit)
        // Below 10^9 times 2^50 over 10^9: no overflow with the full width in between.
        let product = number.billionths.multipliedFullWidth(by: unit)
        let fraction = billion.dividingFullWidth(product).quotient
        let (sum, overflows) = whole.addingReportingOverflow(fraction)
        return overflow || overflows ? nil : sum
    }

    private static func unit(_ suffix: Substring.UTF8View) -> UInt64? {
        var letters = suffix.drop { $0 == UInt8(ascii: " ") }.map { $0 | 0x20 }
        if letters.count > 1, letters.last == UInt8(ascii: "b") { letters.removeLast() }
        if letters.count > 1, letters.last == UInt8(ascii: "i") { letters.removeLast() }
        guard letters.count <= 1 else { return nil }
        switch letters.first {
        case nil, UInt8(ascii: "b"): return 1
        case UInt8(ascii: "k"): return 1 << 10
        case UInt8(ascii: "m"): return 1 << 20
        case UInt8(ascii: "g"): return 1 << 30
        case UInt8(ascii: "t"): return 1 << 40
        case UInt8(ascii: "p"): return 1 << 50
        default: return nil
        }
    }

    /// Reads a number of CPUs, which may have a fraction, and returns it in billionths of a CPU.
    public static func cpuBillionths(_ text: String) -> UInt64? {
        guard let number = Decimal(text.utf8[...]) else { return nil }
        let (whole, overflow) = number.whole.multipliedReportingOverflow(by: billion)
        let (sum, overflows) = whole.addingReportingOverflow(number.billionths)
        return overflow || overflows ? nil : sum
    }

    fileprivate static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// A number that is not negative, with up to nine decimals.
    private struct Decimal {
        let whole: UInt64
        let billionths: UInt64

        init?(_ text: Substring.UTF8View) {
            let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            guard (1...2).contains(parts.count), parts.contains(where: { !$0.isEmpty }) else { return nil }
            let fraction = parts.count == 2 ? parts[1] : parts[0].prefix(0)
            guard fraction.count <= 9, parts.allSatisfy({ $0.allSatisfy(isDigit) }) else { return nil }
            let padded = Array(fraction) + Array(repeating: UInt8(ascii: "0"), count: 9 - fraction.count)
            guard let whole = parts[0].isEmpty ? 0 : UInt64(String(decoding: parts[0], as: UTF8.self)),
                let billionths = UInt64(String(decoding: padded, as: UTF8.self))
            else { return nil }
            self.whole = whole
            self.billionths = billionths
        }
    }
}

/// Sizes in units that people read.
public enum ByteCount {
    /// Formats a size in powers of 1,000 with at most three digits: "1.5 MB".
    public static func text(_ byteCount: UInt64) -> String {
        let units = ["bytes", "KB", "MB", "GB", "TB", "PB", "EB"]
        var (whole, rest, unit) = (byteCount, UInt64(0), 0)
        while whole >= 1000, unit < units.count - 1 {
            (whole, rest) = (whole / 1000, whole % 1000)
            unit += 1
        }
        guard unit > 0, whole < 100 else { return "\(whole) \(units[unit])" }
        return "\(whole).\(rest / 100) \(units[unit])"
    }
}
