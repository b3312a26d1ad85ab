/// Numbers in decimal digits, as pax records have them.
enum DecimalNumber {
    /// One or more digits and nothing else; nil where it does not fit.
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
