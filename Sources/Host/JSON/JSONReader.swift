/// Reads a JSON text from front to back. Refuses anything but JSON, text after the value, a name that comes
/// twice in an object, and nesting that could exhaust a stack.
struct JSONReader {
    private static let nestingLimit = 64

    private let bytes: [UInt8]
    /// The position of the reader. It never passes the end of `bytes` and only grows.
    private var offset = 0
    private var nesting = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Parses all of `bytes` as one value.
    static func value(of bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var reader = JSONReader(bytes)
        let value = try reader.value()
        reader.skipSpace()
        guard reader.next == nil else { throw reader.broken("unexpected text after the value") }
        return value
    }

    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private func broken(_ why: String) -> JSONError { JSONError(offset: offset, why: why) }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { offset += 1 }
    }

    /// Reads `byte` if it is the next one, and returns whether it was.
    private mutating func take(_ byte: Character) -> Bool {
        guard next == byte.asciiValue else { return false }
        offset += 1
        return true
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        skipSpace()
        switch next.map({ Character(Unicode.Scalar($0)) }) {
        case "{": return try nested { reader throws(JSONError) in .object(try reader.members()) }
        case "[": return try nested { reader throws(JSONError) in .array(try reader.elements()) }
        case "\"": return .string(try string())
        case "t": return try word("true", .boolean(true))
        case "f": return try word("false", .boolean(false))
        case "n": return try word("null", .null)
        case "-", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9": return .number(try number())
        case nil: throw broken("unexpected end")
        default: throw broken("missing value")
        }
    }

    private mutating func word(_ text: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[offset...].starts(with: text.utf8) else { throw broken("missing value") }
        offset += text.utf8.count
        return value
    }

    private mutating func nested(
        _ read: (inout JSONReader) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        guard nesting < Self.nestingLimit else { throw broken("too many nested values") }
        nesting += 1
        offset += 1
        let value = try read(&self)
        nesting -= 1
        return value
    }

    /// Reads the rest of an array behind its `[`, with the `]`.
    private mutating func elements() throws(JSONError) -> [JSONValue] {
        skipSpace()
        var found: [JSONValue] = []
        if take("]") { return found }
        while true {
            found.append(try value())
            skipSpace()
            if take("]") { return found }
            guard take(",") else { throw broken("missing comma or ]") }
        }
    }

    /// Reads the rest of an object behind its `{`, with the `}`.
    private mutating func members() throws(JSONError) -> [String: JSONValue] {
        skipSpace()
        var found: [String: JSONValue] = [:]
        if take("}") { return found }
        while true {
            skipSpace()
            guard next == 0x22 else { throw broken("missing name") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw broken("missing colon") }
            // Readers differ in which of two members of one name they keep, so neither is accepted.
            guard found[name] == nil else { throw broken("the name \"\(name.brief)\" appears twice") }
            found[name] = try value()
            skipSpace()
            if take("}") { return found }
            guard take(",") else { throw broken("missing comma or }") }
        }
    }

    /// Reads a number (RFC 8259, 6): minus, digits without a leading zero, a fraction, an exponent.
    private mutating func number() throws(JSONError) -> String {
        let start = offset
        _ = take("-")
        let leadsWithZero = next == 0x30
        let count = digits()
        guard count > 0, !leadsWithZero || count == 1 else { throw broken("malformed number") }
        if take("."), digits() == 0 { throw broken("malformed number") }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            if digits() == 0 { throw broken("malformed number") }
        }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    /// Reads digits and returns their number.
    private mutating func digits() -> Int {
        let start = offset
        while let byte = next, (0x30...0x39).contains(byte) { offset += 1 }
        return offset - start
    }

    /// Reads a string with its quotes (RFC 8259, 7).
    private mutating func string() throws(JSONError) -> String {
        offset += 1
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case 0x22:
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw broken("a string is not valid UTF-8")
                }
                offset += 1
                return string
            case 0x5C: text.append(contentsOf: try escape().utf8)
            case ..<0x20: throw broken("control character in a string")
            default:
                text.append(byte)
                offset += 1
            }
        }
        throw broken("unterminated string")
    }

    /// Reads an escape sequence from its backslash on.
    private mutating func escape() throws(JSONError) -> String {
        offset += 1
        let byte = next
        if byte != nil { offset += 1 }
        switch byte.map({ Character(Unicode.Scalar($0)) }) {
        case "\"": return "\""
        case "\\": return "\\"
        case "/": return "/"
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u": return String(try scalar())
        default: throw broken("unknown escape in a string")
        }
    }

    /// Reads a scalar behind a `\u`, from two escapes if the first is a high surrogate.
    private mutating func scalar() throws(JSONError) -> Character {
        let first = try codeUnit()
        if let scalar = Unicode.Scalar(first) { return Character(scalar) }
        guard UTF16.isLeadSurrogate(first), take("\\"), take("u") else {
            throw broken("half of a surrogate pair in a string")
        }
        let second = try codeUnit()
        guard UTF16.isTrailSurrogate(second) else { throw broken("half of a surrogate pair in a string") }
        return Character(UTF16.decode(UTF16.EncodedScalar([first, second])))
    }

    /// Reads four hexadecimal digits.
    private mutating func codeUnit() throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = next.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
                throw broken("unknown escape in a string")
            }
            value = value << 4 | UInt16(digit)
            offset += 1
        }
        return value
    }
}
