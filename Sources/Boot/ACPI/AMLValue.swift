/// A value of AML: the object that a name refers to, or an operand (ACPI 6.5, 20.2.3 and 20.2.5.4).
enum AMLValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    case integer(UInt64)
    case string(String)
    /// A plug-and-play identifier, "PNP0501", as a 32-bit number (19.3.4 "EISAID").
    case eisaID(String)
    /// The first argument of a method.
    case argument0

    init(integerLiteral value: UInt64) { self = .integer(value) }

    init(stringLiteral value: String) { self = .string(value) }
}

extension AMLWriter {
    mutating func append(_ value: AMLValue) {
        switch value {
        case .integer(let number): append(number)
        case .string(let text):
            append(0x0D, byteCount: 1)
            for byte in text.utf8 { append(UInt64(byte), byteCount: 1) }
            append(0, byteCount: 1)
        case .eisaID(let text):
            append(0x0C, byteCount: 1)
            append(UInt64(compressed(text).byteSwapped), byteCount: 4)
        case .argument0: append(0x68, byteCount: 1)
        }
    }

    /// Appends a number in its shortest form.
    private mutating func append(_ number: UInt64) {
        let (prefix, byteCount): (UInt64, Int) =
            switch number {
            case ...0xFF: (0x0A, 1)
            case ...0xFFFF: (0x0B, 2)
            case ...0xFFFF_FFFF: (0x0C, 4)
            default: (0x0E, 8)
            }
        if number > 1 { append(prefix, byteCount: 1) }
        append(number, byteCount: byteCount)
    }

    /// Compresses an identifier: three letters of five bits, four hexadecimal digits.
    private func compressed(_ text: String) -> UInt32 {
        precondition(text.utf8.count == 7, "an EISA id has three letters and four digits")
        var value: UInt32 = 0
        for (index, character) in text.utf8.enumerated() {
            value = index < 3 ? value << 5 | UInt32(character & 0x1F) : value << 4 | hexadecimal(character)
        }
        return value
    }

    private func hexadecimal(_ digit: UInt8) -> UInt32 {
        UInt32(digit <= UInt8(ascii: "9") ? digit - UInt8(ascii: "0") : digit - UInt8(ascii: "A") + 10)
    }
}
