import Host

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
            let escaped = scalar.isPrintable ? String(scalar) : scalar.escaped(asASCII: true)
            count += escaped.unicodeScalars.count
            guard count <= Self.characterLimit else { return "\"\(text)...\"" }
            text += escaped
        }
        return bytes.count > 4 * Self.characterLimit ? "\"\(text)...\"" : "\"\(text)\""
    }
}
