import Layers

/// Extended attributes in pax records: star's `SCHILY.xattr.NAME` with the plain value, libarchive's
/// `LIBARCHIVE.xattr.NAME` with the value in base 64. bsdtar writes both. `=` would end a name, so names are
/// percent-encoded: GNU tar encodes only `=` and `%`, libarchive all unusual characters.
enum PaxAttribute {
    /// The limits of Linux: XATTR_NAME_MAX, XATTR_SIZE_MAX.
    private static let nameLimit = 255
    private static let valueLimit = 65536

    /// Parses the attribute of a record. The value is nil if the record removes the attribute. Returns nil
    /// for other records, and for attributes that no file in a guest can have.
    static func parse(
        _ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>
    ) throws(PaxRecords.Problem) -> (name: [UInt8], value: [UInt8]?)? {
        let (name, content): ([UInt8], [UInt8])
        if let rest = key.dropping(prefix: "SCHILY.xattr.") {
            (name, content) = (percentDecoded(rest) ?? Array(rest), Array(value))
        } else if let rest = key.dropping(prefix: "LIBARCHIVE.xattr.") {
            guard let plain = percentDecoded(rest), let bytes = Base64.decode(value) else {
                throw .value(key: Array(key))
            }
            (name, content) = (plain, bytes)
        } else {
            return nil
        }
        guard AttributeName.isKept(name) else { return nil }
        guard name.count <= nameLimit, !name.contains(0), content.count <= valueLimit else {
            throw .value(key: Array(key))
        }
        return (name, value.isEmpty ? nil : content)
    }

    private static func percentDecoded(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var (bytes, rest): ([UInt8], ArraySlice<UInt8>) = ([], text)
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit),
                let value = UInt8(digits, radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}

extension ArraySlice<UInt8> {
    /// Returns the rest behind `prefix`; nil if the bytes do not start with it.
    func dropping(prefix: String) -> ArraySlice<UInt8>? {
        starts(with: prefix.utf8) ? dropFirst(prefix.utf8.count) : nil
    }
}

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
