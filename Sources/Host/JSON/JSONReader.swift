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
        guard reader.next == nil else { throw reader.broken("more follows the value") }
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
        case nil: throw broken("the text ends too early")
        default: throw broken("a value is missing")
        }
    }

    private mutating func word(_ text: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[offset...].starts(with: text.utf8) else { throw broken("a value is missing") }
        offset += text.utf8.count
        return value
    }

    private mutating func nested(
        _ read: (inout JSONReader) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        guard nesting < Self.nestingLimit else { throw broken("it is nested too deeply") }
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
            guard take(",") else { throw broken("a comma or ] is missing") }
        }
    }

    /// Reads the rest of an object behind its `{`, with the `}`.
    private mutating func members() throws(JSONError) -> [String: JSONValue] {
        skipSpace()
        var found: [String: JSONValue] = [:]
        if take("}") { return found }
        while true {
            skipSpace()
            guard next == 0x22 else { throw broken("a name is missing") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw broken("a colon is missing") }
            // Readers differ in which of two members of one name they keep, so neither is accepted.
            guard found[name] == nil else { throw broken("the name \"\(name.brief)\" comes twice") }
            found[name] = try value()
            skipSpace()
            if take("}") { return found }
            guard take(",") else { throw broken("a comma or } is missing") }
        }
    }

    /// Reads a number (RFC 8259, 6): minus, digits without a leading zero, a fraction, an exponent.
    private mutating func number() throws(JSONError) -> String {
        let start = offset
        _ = take("-")
        let leadsWithZero = next == 0x30
        let count = digits()
        guard count > 0, !leadsWithZero || count == 1 else { throw broken("a number is malformed") }
        if take("."), digits() == 0 { throw broken("a number is malformed") }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            if digits() == 0 { throw broken("a number is malformed") }
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
                    throw broken("a string is no UTF-8")
                }
                offset += 1
                return string
            case 0x5C: text.append(contentsOf: try escape().utf8)
            case ..<0x20: throw broken("a string has a control character")
            default:
                text.append(byte)
                offset += 1
            }
        }
        throw broken("a string has no end")
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
        default: throw broken("a string has an unknown escape")
        }
    }

    /// Reads a scalar behind a `\u`, from two escapes if the first is a high surrogate.
    private mutating func scalar() throws(JSONError) -> Character {
        let first = try codeUnit()
        if let scalar = Unicode.Scalar(first) { return Character(scalar) }
        guard UTF16.isLeadSurrogate(first), take("\\"), take("u") else {
            throw broken("a string has half a surrogate pair")
        }
        let second = try codeUnit()
        guard UTF16.isTrailSurrogate(second) else { throw broken("a string has half a surrogate pair") }
        return Character(UTF16.decode(UTF16.EncodedScalar([first, second])))
    }

    /// Reads four hexadecimal digits.
    private mutating func codeUnit() throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = next.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
                throw broken("a string has an unknown escape")
            }
            value = value << 4 | UInt16(digit)
            offset += 1
        }
        return value
    }
}
