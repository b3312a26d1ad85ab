/// Bytes from an archive in a message: in quotes, shortened, and without control characters for a terminal.
public struct PrintableBytes: CustomStringConvertible {
    /// The limit on the characters shown, including escapes.
    private static let characterLimit = 200
    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    public var description: String {
        var (text, count) = ("", 0)
        // No more bytes than these can be shown.
        for scalar in String(decoding: bytes.prefix(4 * Self.characterLimit), as: UTF8.self).unicodeScalars {
            let escaped = Self.escaped(scalar)
            count += escaped.unicodeScalars.count
            guard count <= Self.characterLimit else { return "\"\(text)...\"" }
            text += escaped
        }
        return bytes.count > 4 * Self.characterLimit ? "\"\(text)...\"" : "\"\(text)\""
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
            return scalar.escaped(asASCII: true)
        default: return String(scalar)
        }
    }
}
