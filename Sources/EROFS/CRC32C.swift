/// The Castagnoli checksum as Linux's crc32c() computes it: neither the start nor the end is inverted.
enum CRC32C {
    static func continuing(_ start: UInt32, with bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(start) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78 }
    }
}
