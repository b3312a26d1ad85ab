/// Bytes from an archive in a message: in quotes, cut where they are long, and without anything that a terminal obeys.
struct PrintableBytes: CustomStringConvertible {
    private static let limit = 200
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var description: String {
        let text = String(decoding: bytes.prefix(Self.limit), as: UTF8.self)
        let escaped = text.unicodeScalars.map(Self.escaped).joined()
        return "\"\(escaped)\(bytes.count > Self.limit ? "..." : "")\""
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
            return scalar.escaped(asASCII: true)
        default: return String(scalar)
        }
    }
}
