/// A reader of decimal numbers as in pax records.
enum DecimalNumber {
    /// Parses one or more digits and nothing else. Returns nil if the number does not fit.
    static func parse<Number: FixedWidthInteger>(_ text: some Sequence<UInt8>) -> Number? {
        var value: Number?
        for byte in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (product, isOver) = (value ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, isBeyond) = product.addingReportingOverflow(Number(byte & 15))
            guard !isOver, !isBeyond else { return nil }
            value = sum
        }
        return value
    }
}
