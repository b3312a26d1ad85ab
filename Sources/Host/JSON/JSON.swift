/// A JSON value to be written (RFC 8259). Members keep their order. Foundation's encoder would make every
/// start of the executable slower.
public indirect enum JSON: Sendable {
    case null
    case boolean(Bool)
    case integer(Int)
    /// Seconds, shares and similar numbers, with at most nine digits after the point. Infinities and NaN are
    /// written as `null`, because JSON has no words for them (RFC 8259, 6).
    case number(Double)
    case string(String)
    case array([JSON])
    /// An object. Its names should differ (RFC 8259, 4); nothing checks that.
    case object([(String, JSON)])

    /// Makes the value of a text that was read. The members of objects are in the order of their names.
    public init(_ value: JSONValue) {
        self =
            switch value {
            case .null: .null
            case .boolean(let flag): .boolean(flag)
            case .number(let text): Int(text).map { .integer($0) } ?? .number(Double(text) ?? .nan)
            case .string(let text): .string(text)
            case .array(let values): .array(values.map { JSON($0) })
            case .object(let members):
                .object(members.sorted { $0.key < $1.key }.map { ($0.key, JSON($0.value)) })
            }
    }

    /// The number, or `null`.
    public static func optional(_ number: Double?) -> JSON { number.map { .number($0) } ?? .null }
    /// The number, or `null`.
    public static func optional(_ number: Int?) -> JSON { number.map { .integer($0) } ?? .null }
    /// The text, or `null`.
    public static func optional(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
    /// An array of texts.
    public static func strings(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }
}

extension JSON {
    /// Returns the value as a text: large values have a line for each element, numbers and short lists stay
    /// on one line. The text has no newline at its end and no control characters but newlines. `indent` is
    /// the number of spaces before the line that the text starts in.
    public func text(indent: Int = 0) -> String {
        switch self {
        case .null: "null"
        case .boolean(let flag): flag ? "true" : "false"
        case .integer(let number): String(number)
        case .number(let number): number.isFinite ? Decimal.text(number, digits: 9) : "null"
        case .string(let text): Self.quoted(text)
        case .array(let elements):
            Self.wrapped("[", elements.map { $0.text(indent: indent + 2) }, "]", indent)
        case .object(let members):
            Self.wrapped(
                "{", members.map { Self.quoted($0.0) + ": " + $0.1.text(indent: indent + 2) }, "}", indent)
        }
    }

    private static func wrapped(_ open: String, _ parts: [String], _ close: String, _ indent: Int) -> String {
        if parts.reduce(0, { $0 + $1.utf8.count + 2 }) < 100,
            !parts.contains(where: { $0.utf8.contains(0x0A) })
        {
            return open + list(parts, ", ") + close
        }
        let margin = String(repeating: " ", count: indent + 2)
        return open + "\n" + margin + list(parts, ",\n" + margin) + "\n"
            + String(repeating: " ", count: indent) + close
    }

    /// Returns the parts with `separator` between them. The library's `joined` is not specialized for arrays
    /// of strings: its first call makes the Swift runtime read every conformance of the program, 17 page
    /// faults at the end of a short run.
    private static func list(_ parts: [String], _ separator: String) -> String {
        var text = ""
        for part in parts {
            if !text.isEmpty { text += separator }
            text += part
        }
        return text
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            // RFC 8259, 7 demands an escape for the first of these; terminals obey the others, too.
            case ..<" ", "\u{7F}"..."\u{9F}": quoted += escape(scalar)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// Returns the escape of a scalar that fits into one UTF-16 code unit.
    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
