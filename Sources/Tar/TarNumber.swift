/// The numbers of a tar header: octal digits, or, where the first bit is set, a two's complement number in base 256 (GNU tar,
/// "Basic Tar Format", Numeric fields; star and bsdtar write it too).
enum TarNumber {
    /// The number in `field`; nil where it is none or does not fit. An empty field is 0.
    static func parse(_ field: UnsafeRawBufferPointer) -> Int64? {
        guard let first = unsafe field.first else { return 0 }
        return first & 0x80 == 0 ? unsafe octal(field) : unsafe base256(field)
    }

    /// The owner that a file gets whose archive says `number`. Programs that unpack archives hand it to chown(2): that takes the
    /// low 32 bits, and -1 for leaving the file to whoever made it, who is root.
    static func owner(_ number: Int64) -> UInt32 {
        let owner = UInt32(truncatingIfNeeded: number)
        return owner == .max ? 0 : owner
    }

    /// Writers pad with spaces and zero bytes, before the digits and behind them. What follows a zero byte behind the digits is
    /// not looked at, by GNU tar as little as by Go's archive/tar.
    private static func octal(_ field: UnsafeRawBufferPointer) -> Int64? {
        let isPadding = { (byte: UInt8) in byte == 0 || byte == UInt8(ascii: " ") }
        var digits = unsafe Array(field.drop(while: isPadding).prefix { $0 != 0 })
        while digits.last == UInt8(ascii: " ") { digits.removeLast() }
        var value: Int64 = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte) else { return nil }
            // At most twelve digits of three bits.
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
