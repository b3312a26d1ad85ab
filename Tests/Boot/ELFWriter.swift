import Foundation

/// Writes small ELF-64 kernels, right or wrong in every field.
struct ELFWriter {
    struct Segment {
        var type: UInt32 = 1
        var offset: UInt64
        var virtualAddress: UInt64
        var physicalAddress: UInt64
        var fileByteCount: UInt64
        var memoryByteCount: UInt64
        var alignment: UInt64 = 0x1000
    }

    var fileClass: UInt8 = 2
    var byteOrder: UInt8 = 1
    var type: UInt16 = 2
    var machine: UInt16 = 62
    var entry: UInt64 = 0x10_0000
    var programHeaderOffset: UInt64 = 64
    var programHeaderByteCount: UInt16 = 56
    var programHeaderCount: UInt16?
    var segments: [Segment] = []
    /// What lies behind the headers, by its offset in the file.
    var contents: [(offset: Int, bytes: [UInt8])] = []
    var byteCount = 0

    /// A kernel of one segment: `contents` at 1 MiB, from the file's offset 0x1000 on.
    init(_ contents: [UInt8] = Array("kernel".utf8)) {
        add(contents, at: 0x10_0000)
    }

    /// Adds `bytes` at the next page of the file.
    mutating func add(
        _ bytes: [UInt8], at address: UInt64, virtual: UInt64? = nil, memory: UInt64? = nil, skew: Int = 0
    ) {
        let offset = max(0x1000, (end + 0xFFF) & ~0xFFF) + skew
        segments.append(
            Segment(
                offset: UInt64(offset), virtualAddress: virtual ?? address, physicalAddress: address,
                fileByteCount: UInt64(bytes.count), memoryByteCount: memory ?? UInt64(bytes.count)))
        contents.append((offset, bytes))
    }

    /// Adds a PT_NOTE whose bytes lie behind everything else, or within segment 0 at `inside`.
    mutating func addNotes(_ bytes: [UInt8], alignment: UInt64 = 4) {
        let offset = (end + 0xFFF) & ~0xFFF
        contents.append((offset, bytes))
        segments.append(
            Segment(
                type: 4, offset: UInt64(offset), virtualAddress: 0, physicalAddress: 0,
                fileByteCount: UInt64(bytes.count), memoryByteCount: UInt64(bytes.count), alignment: alignment
            ))
    }

    private var end: Int { contents.map { $0.offset + $0.bytes.count }.max() ?? 0 }

    var bytes: [UInt8] {
        var header = Bytes()
        header.append([0x7F, 0x45, 0x4C, 0x46, fileClass, byteOrder, 1, 0] + [UInt8](repeating: 0, count: 8))
        header.append(type)
        header.append(machine)
        header.append(UInt32(1))
        header.append(entry)
        header.append(programHeaderOffset)
        header.append(UInt64(0))
        header.append(UInt32(0))
        header.append(UInt16(64))
        header.append(programHeaderByteCount)
        header.append(programHeaderCount ?? UInt16(segments.count))
        header.append([UInt8](repeating: 0, count: 6))
        for segment in segments { append(segment, to: &header) }
        var file = header.bytes
        file += [UInt8](repeating: 0, count: max(0, max(end, byteCount) - file.count))
        for (offset, bytes) in contents { file.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
        return file
    }

    private func append(_ segment: Segment, to header: inout Bytes) {
        header.append(segment.type)
        header.append(UInt32(7))
        header.append(segment.offset)
        header.append(segment.virtualAddress)
        header.append(segment.physicalAddress)
        header.append(segment.fileByteCount)
        header.append(segment.memoryByteCount)
        header.append(segment.alignment)
    }

    /// One note.
    static func note(_ name: String, type: UInt32, _ descriptor: [UInt8], alignment: Int = 4) -> [UInt8] {
        var note = Bytes()
        note.append(UInt32(name.utf8.count + 1))
        note.append(UInt32(descriptor.count))
        note.append(type)
        note.append(Array(name.utf8) + [0])
        note.pad(to: alignment)
        note.append(descriptor)
        note.pad(to: alignment)
        return note.bytes
    }
}

/// Little-endian fields, one after another.
struct Bytes {
    var bytes: [UInt8] = []

    mutating func append(_ value: some FixedWidthInteger) {
        bytes += little(value)
    }

    mutating func append(_ raw: [UInt8]) {
        bytes += raw
    }

    mutating func pad(to alignment: Int) {
        while bytes.count % alignment != 0 { bytes.append(0) }
    }
}

func little(_ value: some FixedWidthInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

/// Bytes that look like nothing and do not compress.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
    }
}
