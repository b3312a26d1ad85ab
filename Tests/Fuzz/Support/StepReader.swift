/// Numbers from the fuzzer's bytes, little-endian; zeroes after the end.
public struct StepReader {
    private let bytes: [UInt8]
    private var next = 0

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    public var isAtEnd: Bool { next >= bytes.count }

    public mutating func byte() -> UInt8 {
        guard !isAtEnd else { return 0 }
        defer { next += 1 }
        return bytes[next]
    }

    public mutating func number<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value {
        (0..<Value.bitWidth / 8).reduce(0) { $0 | Value(truncatingIfNeeded: byte()) << (8 * $1) }
    }

    public mutating func bytes(_ count: Int) -> [UInt8] {
        let end = min(bytes.count, next + count)
        defer { next = end }
        return Array(bytes[next..<end])
    }
}
