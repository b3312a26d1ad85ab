import Host

/// The common parts of all ACPI tables: a header of 36 bytes and a checksum (ACPI 6.5, 5.2.6).
enum SystemTable {
    static let headerByteCount = 36
    static let lengthOffset = 4
    static let checksumOffset = 9

    static let vendor = "VMM"
    private static let tableID = "VMMICROV"

    /// Makes the table `signature`, with `content` after its header.
    static func bytes(_ signature: String, revision: UInt8, _ content: [UInt8]) -> [UInt8] {
        var table = ByteWriter(capacity: headerByteCount + content.count)
        table.append(text: signature, width: 4, filler: 0)
        table.append(UInt32(headerByteCount + content.count))
        table.append(revision)
        table.append(UInt8(0))  // checksum
        table.append(text: vendor, width: 6, filler: UInt8(ascii: " "))
        table.append(text: tableID, width: 8, filler: UInt8(ascii: " "))
        table.append(UInt32(1))  // OEM revision
        table.append(text: vendor, width: 4, filler: UInt8(ascii: " "))  // creator
        table.append(UInt32(1))  // creator revision
        table.append(content)
        table.store(checksum(of: table.bytes[...]), at: checksumOffset)
        return table.bytes
    }

    /// Returns the checksum that makes the sum of `bytes` zero. The checksum field in `bytes` must be 0.
    static func checksum(of bytes: ArraySlice<UInt8>) -> UInt8 {
        0 &- bytes.reduce(0, &+)
    }
}
