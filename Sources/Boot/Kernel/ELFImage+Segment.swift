import GuestMemory
import Host
import Layout

/// A program header as it is in the file (ELF-64 Object File Format 1.5, 8 "Program Header Table").
struct ProgramHeader {
    static let load: UInt32 = 1
    static let interpreter: UInt32 = 3
    static let note: UInt32 = 4

    let type: UInt32
    let offset: UInt64
    let virtualAddress: UInt64
    let physicalAddress: UInt64
    let fileByteCount: UInt64
    let memoryByteCount: UInt64
    let alignment: UInt64

    /// Reads the header at `start` of `table`, which must contain all of it.
    init(_ table: ImageBytes, at start: UInt64) {
        type = table.load(at: start) ?? 0
        offset = table.load(at: start + 8) ?? 0
        virtualAddress = table.load(at: start + 16) ?? 0
        physicalAddress = table.load(at: start + 24) ?? 0
        fileByteCount = table.load(at: start + 32) ?? 0
        memoryByteCount = table.load(at: start + 40) ?? 0
        alignment = table.load(at: start + 48) ?? 0
    }
}

extension ELFImage.Notes {
    init(_ header: ProgramHeader) {
        self.init(
            fileOffset: header.offset, fileByteCount: header.fileByteCount, alignment: header.alignment)
    }
}

extension ELFImage.Segment {
    init(
        _ header: ProgramHeader, number: Int, of source: KernelSource, in memory: GuestMemory
    ) throws(Failure) {
        let name = "segment \(number)"
        guard header.fileByteCount <= header.memoryByteCount else {
            throw source.refused("its \(name) has more bytes in the file than in memory")
        }
        let (fileEnd, overflow) = header.offset.addingReportingOverflow(header.fileByteCount)
        guard !overflow, fileEnd <= source.byteCount else {
            throw source.truncated("it ends before its \(name) does")
        }
        range = GuestRange(start: GuestAddress(header.physicalAddress), byteCount: header.memoryByteCount)
        fileOffset = header.offset
        fileByteCount = header.fileByteCount
        virtualAddress = header.virtualAddress
        try Self.check(range, name, of: source, in: memory)
    }

    /// Checks that a segment lies between 1 MiB and the end of the RAM below the hole.
    private static func check(
        _ range: GuestRange, _ name: String, of source: KernelSource, in memory: GuestMemory
    ) throws(Failure) {
        guard let end = range.end else {
            throw source.refused("its \(name) at \(range.start) goes beyond the end of all addresses")
        }
        guard range.start >= Layout.extendedMemory else {
            throw source.refused(
                "its \(name) at \(range.start) lies below 1 MiB, where there is no room for a kernel")
        }
        guard end.rawValue <= GuestMemory.holeStart else {
            throw source.refused(
                "its \(name) at \(range.start) reaches beyond 3 GiB, where there is no RAM for it")
        }
        guard end.rawValue <= memory.low.range.byteCount else {
            throw source.tooLarge(endingAt: end, for: memory)
        }
    }
}

extension KernelSource {
    func tooLarge(endingAt end: GuestAddress, for memory: GuestMemory) -> Failure {
        let needed = MemorySize.mebibytes(end.rawValue)
        return Failure(
            .badInput, complaint,
            because: "it needs memory up to \(needed) MiB, and the guest has \(memory.byteCount >> 20) MiB",
            cure: "Give the guest more: --memory \(MemorySize.suggestion(for: end.rawValue))M.")
    }
}

/// Sizes of memory for messages to the user.
enum MemorySize {
    /// Returns the size in MiB, rounded up.
    static func mebibytes(_ byteCount: UInt64) -> UInt64 {
        (byteCount >> 20) &+ (byteCount & 0xF_FFFF == 0 ? 0 : 1)
    }

    /// Returns the size in MiB to suggest if `byteCount` is the least: with room for the guest to work in, in
    /// steps of 64 MiB.
    static func suggestion(for byteCount: UInt64) -> UInt64 {
        ((mebibytes(byteCount) &+ 64) &+ 63) & ~63
    }
}
