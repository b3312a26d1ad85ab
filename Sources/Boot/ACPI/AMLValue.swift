/// A value of AML: what a name stands for, an argument, an operand (ACPI 6.5, 20.2.3 and 20.2.5.4).
struct AMLValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    let bytes: [UInt8]

    private init(bytes: [UInt8]) { self.bytes = bytes }

    init(integerLiteral value: UInt64) { self = .integer(value) }

    init(stringLiteral value: String) { bytes = [0x0D] + Array(value.utf8) + [0x00] }

    /// In the shortest form.
    static func integer(_ value: UInt64) -> AMLValue {
        switch value {
        case 0, 1: AMLValue(bytes: [UInt8(value)])
        case ...0xFF: AMLValue(bytes: [0x0A] + littleEndian(value, 1))
        case ...0xFFFF: AMLValue(bytes: [0x0B] + littleEndian(value, 2))
        case ...0xFFFF_FFFF: AMLValue(bytes: [0x0C] + littleEndian(value, 4))
        default: AMLValue(bytes: [0x0E] + littleEndian(value, 8))
        }
    }

    /// A plug-and-play identifier, "PNP0501", as a 32-bit number (19.3.4 "EISAID").
    static func eisaID(_ text: String) -> AMLValue {
        precondition(text.utf8.count == 7, "an EISA id has three letters and four digits")
        var value: UInt32 = 0
        for letter in text.utf8.prefix(3) { value = value << 5 | UInt32(letter & 0x1F) }
        for digit in text.utf8.dropFirst(3) { value = value << 4 | UInt32(hexadecimal(digit)) }
        return AMLValue(bytes: [0x0C] + littleEndian(UInt64(value.byteSwapped), 4))
    }

    static func package(_ values: AMLValue...) -> AMLValue {
        let content = [UInt8(values.count)] + values.flatMap(\.bytes)
        return AMLValue(bytes: AMLPackage.encode([0x12], content))
    }

    static func resourceTemplate(_ resources: AMLResource...) -> AMLValue {
        // The end tag's checksum of 0 says that there is none (6.4.2.9).
        let content = resources.flatMap(\.bytes) + [0x79, 0x00]
        return AMLValue(bytes: AMLPackage.encode([0x11], integer(UInt64(content.count)).bytes + content))
    }

    /// The first argument of a method.
    static let argument0 = AMLValue(bytes: [0x68])

    static func equal(_ left: AMLValue, _ right: AMLValue) -> AMLValue {
        AMLValue(bytes: [0x93] + left.bytes + right.bytes)
    }

    private static func littleEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 {
        digit <= UInt8(ascii: "9") ? digit - UInt8(ascii: "0") : digit - UInt8(ascii: "A") + 10
    }
}

/// A descriptor of a resource template (6.4).
struct AMLResource {
    let bytes: [UInt8]

    /// I/O Port Descriptor, 16-bit decode, of which nothing can be moved (6.4.2.5).
    static func io(_ port: UInt16, byteCount: UInt8) -> AMLResource {
        var descriptor = ByteWriter()
        descriptor.append(UInt8(0x47))
        descriptor.append(UInt8(0x01))  // Decode16
        descriptor.append(port)
        descriptor.append(port)
        descriptor.append(UInt8(0x01))  // alignment
        descriptor.append(byteCount)
        return AMLResource(bytes: descriptor.bytes)
    }

    /// 32-Bit Fixed Memory Range Descriptor, read-write (6.4.3.4).
    static func memory32Fixed(_ base: UInt32, byteCount: UInt32) -> AMLResource {
        var descriptor = ByteWriter()
        descriptor.append(UInt8(0x86))
        descriptor.append(UInt16(9))
        descriptor.append(UInt8(0x01))  // ReadWrite
        descriptor.append(base)
        descriptor.append(byteCount)
        return AMLResource(bytes: descriptor.bytes)
    }

    /// Extended Interrupt Descriptor: ResourceConsumer, Edge, ActiveHigh, Exclusive (6.4.3.6).
    static func interrupt(_ gsi: UInt32) -> AMLResource {
        var descriptor = ByteWriter()
        descriptor.append(UInt8(0x89))
        descriptor.append(UInt16(6))
        descriptor.append(UInt8(0b0011))  // consumer | edge
        descriptor.append(UInt8(1))
        descriptor.append(gsi)
        return AMLResource(bytes: descriptor.bytes)
    }
}
