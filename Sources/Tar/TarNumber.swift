/// A reader for the numbers of a tar header: octal digits, or, if the first bit is set, a two's complement
/// number in base 256 (GNU tar, "Basic Tar Format", Numeric fields; star and bsdtar write it too).
enum TarNumber {
    /// Parses the number in `field`. Returns nil if it is no number or does not fit. An empty field is 0.
    static func parse(_ field: UnsafeRawBufferPointer) -> Int64? {
        guard let first = unsafe field.first else { return 0 }
        return first & 0x80 == 0 ? unsafe octal(field) : unsafe base256(field)
    }

    /// Returns the owner of a file for the number in the archive. Programs that unpack archives pass the
    /// number to chown(2), which takes the low 32 bits and, for -1, leaves the file to the unpacking user:
    /// root.
    static func owner(_ number: Int64) -> UInt32 {
        let owner = UInt32(truncatingIfNeeded: number)
        return owner == .max ? 0 : owner
    }

    /// Parses octal digits. Writers pad with spaces and zero bytes before and after the digits. Bytes behind
    /// a zero byte after the digits are ignored, as by GNU tar and by Go's archive/tar.
    private static func octal(_ field: UnsafeRawBufferPointer) -> Int64? {
        let isPadding = { (byte: UInt8) in byte == 0 || byte == UInt8(ascii: " ") }
        var digits = unsafe Array(field.drop(while: isPadding).prefix { $0 != 0 })
        while digits.last == UInt8(ascii: " ") { digits.removeLast() }
        var value: Int64 = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte) else { return nil }
            // The value has at most twelve digits of three bits.
            value = value << 3 | Int64(byte & 7)
        }
        return value
    }

    private static func base256(_ field: UnsafeRawBufferPointer) -> Int64? {
        // The first bit only marks the format; the second is the sign.
        let isNegative = unsafe field[0] & 0x40 != 0
        var value: Int64 = isNegative ? -1 : 0
        for index in field.indices {
            let byte = unsafe field[index]
            let digit = index > 0 ? byte : isNegative ? byte | 0x80 : byte & 0x7F
            guard value >> 55 == (isNegative ? -1 : 0) else { return nil }
            value = value << 8 | Int64(digit)
        }
        return value
    }
}

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
