/// Malformed ELF files in the place of a kernel.
struct KernelFile {
    struct Segment {
        var address: UInt64
        var fileByteCount: UInt64
        var memoryByteCount: UInt64
    }

    /// EI_CLASS: 1 is 32-bit, 2 is 64-bit.
    var classNumber: UInt8 = 2
    /// e_machine: 62 is x86-64, 183 is arm64.
    var machine: UInt16 = 62
    var segments = [Segment(address: 0x10_0000, fileByteCount: 4096, memoryByteCount: 4096)]
    /// The number of bytes after the headers.
    var contentByteCount = 4096

    var bytes: [UInt8] {
        var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, classNumber, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
        file += little(UInt16(2)) + little(machine) + little(UInt32(1))
        file += little(UInt64(0x10_0000)) + little(UInt64(64)) + little(UInt64(0)) + little(UInt32(0))
        for field in [64, 56, segments.count, 64, 0, 0] { file += little(UInt16(field)) }
        let offset = UInt64(64 + 56 * segments.count)
        for segment in segments {
            file += little(UInt32(1)) + little(UInt32(7)) + little(offset)
            file += little(segment.address) + little(segment.address)
            file += little(segment.fileByteCount) + little(segment.memoryByteCount) + little(UInt64(4096))
        }
        return file + [UInt8](repeating: 0xF4, count: contentByteCount)
    }

    private func little(_ value: some FixedWidthInteger) -> [UInt8] {
        (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
