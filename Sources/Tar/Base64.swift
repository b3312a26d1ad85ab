/// Base 64 (RFC 4648), with or without padding.
enum Base64 {
    /// Decodes a text. Returns nil if a character is not of the alphabet, or bits are left over.
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var (bytes, bits, bitCount): ([UInt8], UInt32, Int) = ([], 0, 0)
        let padding = text.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        bytes.reserveCapacity(text.count / 4 * 3)
        for character in text.dropLast(padding) {
            guard let digit = value(of: character) else { return nil }
            bits = (bits << 6 | digit) & 0xFFFF
            bitCount += 6
            guard bitCount >= 8 else { continue }
            bitCount -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
        }
        // A single character of a group of four is not a whole byte.
        return bitCount < 6 ? bytes : nil
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character) - 97 + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character) - 48 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
