/// A time of a pax record: seconds since 1970, possibly negative, possibly with a fraction (POSIX.1-2001,
/// pax, mtime).
struct PaxTime {
    /// The seconds, rounded down, so that the nanoseconds are never negative.
    let seconds: Int64
    let nanoseconds: UInt32

    init?(_ text: [UInt8]) {
        let isNegative = text.first == UInt8(ascii: "-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(
            separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole: Int64 = DecimalNumber.parse(parts[0]) else { return nil }
        guard let fraction = parts.count > 1 ? Self.nanoseconds(parts[1]) : 0 else { return nil }
        switch (isNegative, fraction) {
        case (false, _): (seconds, nanoseconds) = (whole, fraction)
        case (true, 0): (seconds, nanoseconds) = (-whole, 0)
        // `whole` is not negative, so the subtraction does not overflow.
        case (true, _): (seconds, nanoseconds) = (-whole &- 1, 1_000_000_000 &- fraction)
        }
    }

    /// Parses the first nine digits of a fraction; further digits are finer than any file system's times.
    private static func nanoseconds(_ digits: ArraySlice<UInt8>) -> UInt32? {
        guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        let nine = digits.prefix(9) + Array(repeating: UInt8(ascii: "0"), count: max(0, 9 - digits.count))
        return DecimalNumber.parse(nine)
    }
}
