import Host

/// Formats of quantities with units.
extension Decimal {
    /// Removes trailing zeros: "1.00 ms" becomes "1 ms".
    static func trimmed(_ quantity: String) -> String {
        let parts = quantity.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[0].contains(".") else { return quantity }
        var number = parts[0]
        while number.hasSuffix("0") { number.removeLast() }
        if number.hasSuffix(".") { number.removeLast() }
        return number + " " + parts[1]
    }

    /// Formats three significant digits, which is more than most measurements have.
    static func short(_ value: Double) -> String {
        let size = abs(value)
        return fixed(value, digits: size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
    }

    /// Formats a duration: "12.3 ms".
    static func duration(_ seconds: Double) -> String {
        let size = abs(seconds)
        if size >= 1 { return short(seconds) + " s" }
        return size >= 1e-3 || size == 0 ? short(seconds * 1e3) + " ms" : short(seconds * 1e6) + " us"
    }

    /// Formats a size: "3.4 MiB".
    static func bytes(_ count: Double) -> String {
        let size = abs(count)
        if size >= 1024 * 1024 * 1024 { return short(count / (1024 * 1024 * 1024)) + " GiB" }
        if size >= 1024 * 1024 { return short(count / (1024 * 1024)) + " MiB" }
        return size >= 1024 ? short(count / 1024) + " KiB" : short(count) + " B"
    }

    /// Formats a rate: "12.3 M/s".
    static func rate(_ value: Double, _ unit: String) -> String {
        let size = abs(value)
        if size >= 1e9 { return short(value / 1e9) + " G" + unit }
        if size >= 1e6 { return short(value / 1e6) + " M" + unit }
        return size >= 1e3 ? short(value / 1e3) + " k" + unit : short(value) + " " + unit
    }
}
