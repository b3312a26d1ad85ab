/// The few instructions that the tests' guests are made of; they mean the same in 32-bit and 64-bit mode,
/// except where it says so (Intel SDM 2).
enum Instructions {
    /// mov dx, port
    static func port(_ number: UInt16) -> [UInt8] { [0x66, 0xBA] + bytes(number) }
    /// out dx, al; out dx, ax; out dx, eax
    static let outByte: [UInt8] = [0xEE]
    static let outWord: [UInt8] = [0x66, 0xEF]
    static let outLong: [UInt8] = [0xEF]
    /// in al, dx; in ax, dx; in eax, dx
    static let inByte: [UInt8] = [0xEC]
    static let inWord: [UInt8] = [0x66, 0xED]
    static let inLong: [UInt8] = [0xED]
    /// mov eax, value
    static func eax(_ value: UInt32) -> [UInt8] { [0xB8] + bytes(value) }
    /// mov ecx, value; mov esi, value; mov edi, value
    static func ecx(_ value: UInt32) -> [UInt8] { [0xB9] + bytes(value) }
    static func esi(_ value: UInt32) -> [UInt8] { [0xBE] + bytes(value) }
    static func edi(_ value: UInt32) -> [UInt8] { [0xBF] + bytes(value) }
    /// rep outsb; rep insb; rep outsw
    static let repOutByte: [UInt8] = [0xF3, 0x6E]
    static let repOutWord: [UInt8] = [0xF3, 0x66, 0x6F]
    static let repInByte: [UInt8] = [0xF3, 0x6C]
    /// cpuid
    static let cpuid: [UInt8] = [0x0F, 0xA2]
    /// mov eax, ebx and others
    static let eaxFromEBX: [UInt8] = [0x89, 0xD8]
    static let eaxFromECX: [UInt8] = [0x89, 0xC8]
    static let eaxFromESI: [UInt8] = [0x89, 0xF0]
    static let eaxFromCS: [UInt8] = [0x8C, 0xC8]
    static let eaxFromDS: [UInt8] = [0x8C, 0xD8]
    static let eaxFromSS: [UInt8] = [0x8C, 0xD0]
    static let eaxFromCR0: [UInt8] = [0x0F, 0x20, 0xC0]
    /// jmp to itself
    static let spin: [UInt8] = [0xEB, 0xFE]

    /// 32-bit mode: mov al, ax or eax from [address], and back.
    static func load(_ byteCount: Int, from address: UInt32) -> [UInt8] {
        (byteCount == 2 ? [0x66] : []) + [byteCount == 1 ? 0xA0 : 0xA1] + bytes(address)
    }
    static func store(_ byteCount: Int, to address: UInt32) -> [UInt8] {
        (byteCount == 2 ? [0x66] : []) + [byteCount == 1 ? 0xA2 : 0xA3] + bytes(address)
    }

    /// 64-bit mode: mov rbx, address; mov al, [rbx]; mov byte [rbx + 1], value
    static func rbx(_ address: UInt64) -> [UInt8] { [0x48, 0xBB] + bytes(address) }
    static let loadByteAtRBX: [UInt8] = [0x8A, 0x03]
    static func storeByteBehindRBX(_ value: UInt8) -> [UInt8] { [0xC6, 0x43, 0x01, value] }

    /// Shows EAX at `port`.
    static func show(at number: UInt16) -> [UInt8] { port(number) + outLong }

    private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
