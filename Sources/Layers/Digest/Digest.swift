/// The digest that identifies content: its SHA-256 (OCI image 1.1, descriptor.md, Digests). Its text is
/// `sha256:` and 64 hexadecimal digits.
public struct Digest: Hashable, Sendable {
    /// The 32 bytes of SHA-256, first to last.
    let bytes: SIMD32<UInt8>

    static let byteCount = 32
    private static let prefix = "sha256:"

    init(bytes: SIMD32<UInt8>) {
        self.bytes = bytes
    }

    /// Reads `sha256:` and 64 digits, in lower case as the specification demands. Returns nil for any other
    /// text, including other algorithms.
    public init?(_ text: some StringProtocol) {
        guard text.hasPrefix(Self.prefix) else { return nil }
        self.init(hexadecimal: text.dropFirst(Self.prefix.count))
    }

    /// Reads the 64 digits alone, as in the name of a file in `blobs/sha256`.
    public init?(hexadecimal text: some StringProtocol) {
        let digits = text.utf8
        guard digits.count == 2 * Self.byteCount else { return nil }
        var bytes = SIMD32<UInt8>()
        for (index, digit) in digits.enumerated() {
            guard let value = Self.value(of: digit) else { return nil }
            bytes[index / 2] = bytes[index / 2] << 4 | value
        }
        self.bytes = bytes
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// The 64 digits alone.
    public var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(2 * Self.byteCount)
        for index in bytes.indices {
            text.append(digits[Int(bytes[index] >> 4)])
            text.append(digits[Int(bytes[index] & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension Digest: CustomStringConvertible {
    /// The text: `sha256:` and the digits.
    public var description: String { Self.prefix + hexadecimal }
}
