/// Formats numbers in decimal digits for people and programs, without Foundation.
public enum Decimal {
    /// Returns `value`, rounded, with at most `digits` digits after the point (0 to 9) and no zeroes at its
    /// end. From 1e9 on the text is what Swift prints: exact, with an exponent if the number is very large.
    /// Infinities and NaN are "inf", "-inf" and "nan".
    public static func text(_ value: Double, digits: Int) -> String {
        var text = fixed(value, digits: digits)
        // Zeroes at the end of an exponent are significant.
        guard text.contains("."), !text.contains("e") else { return text }
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    /// Returns `value`, rounded, with exactly `digits` digits after the point (0 to 9). From 1e9 on, and for
    /// infinities and NaN, the text is that of `text(_:digits:)`.
    public static func fixed(_ value: Double, digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e9 else { return "\(value)" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (value * scale).rounded()
        let whole = Int(abs(scaled))
        let sign = scaled < 0 ? "-" : ""
        if digits == 0 { return sign + String(whole) }
        let fraction = String(whole % Int(scale))
        return sign + String(whole / Int(scale)) + "."
            + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}
