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
