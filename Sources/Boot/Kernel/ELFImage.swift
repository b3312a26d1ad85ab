import GuestMemory
import Host
import Layout

/// An ELF-64 kernel, laid out for a given memory. Every segment lies within the file and within RAM and
/// overlaps no other segment.
struct ELFImage {
    /// A PT_LOAD segment of at least one byte.
    struct Segment: Equatable {
        let fileOffset: UInt64
        let fileByteCount: UInt64
        let virtualAddress: UInt64
        /// The segment's place in memory, including the bytes that are not in the file (its .bss).
        let range: GuestRange

        /// The part of `range` that comes from the file.
        var fileRange: GuestRange { GuestRange(start: range.start, byteCount: fileByteCount) }
    }

    /// The place of a PT_NOTE segment in the file.
    struct Notes: Equatable {
        let fileOffset: UInt64
        let fileByteCount: UInt64
        let alignment: UInt64
    }

    /// The segments, in ascending order of their addresses in memory.
    let segments: [Segment]
    let notes: [Notes]
    /// Whether there is a PT_INTERP, as in programs. FreeBSD's kernel has one too.
    let wantsInterpreter: Bool
    /// The physical address of e_entry.
    let entry: GuestAddress

    /// Lays out the kernel of `bytes`. `table` returns the program headers, which may lie anywhere in the
    /// file.
    init(
        _ bytes: ImageBytes, of source: KernelSource, in memory: GuestMemory,
        table: (_ offset: UInt64, _ byteCount: Int) throws(Failure) -> ImageBytes
    ) throws(Failure) {
        let header = try ELFHeader(bytes, of: source)
        let programs = try header.programs(of: source, table)
        wantsInterpreter = programs.contains { $0.type == ProgramHeader.interpreter }
        segments = try Self.segments(programs, of: source, in: memory)
        notes = programs.filter { $0.type == ProgramHeader.note }.map(Notes.init)
        entry = try Self.physical(header.entry, in: segments, of: source)
    }

    /// The end of the highest segment.
    var end: GuestAddress { segments.last?.range.end ?? Layout.extendedMemory }

    /// The places in memory of the bytes that come from the file.
    var contents: [GuestRange] { segments.map(\.fileRange).filter { $0.byteCount > 0 } }

    private static func segments(
        _ programs: [ProgramHeader], of source: KernelSource, in memory: GuestMemory
    ) throws(Failure) -> [Segment] {
        var segments: [Segment] = []
        for (number, program) in programs.enumerated()
        where program.type == ProgramHeader.load && program.memoryByteCount > 0 {
            segments.append(try Segment(program, number: number, of: source, in: memory))
        }
        guard !segments.isEmpty else {
            throw source.refused("it has no segment to load", cure: KernelSource.cure)
        }
        segments.sort { $0.range.start < $1.range.start }
        for (lower, upper) in zip(segments, segments.dropFirst()) where lower.range.overlaps(upper.range) {
            throw source.refused("its segments at \(lower.range.start) and \(upper.range.start) overlap")
        }
        return segments
    }

    /// Returns the physical address of e_entry. It is a physical address in Linux, and a virtual one in
    /// kernels that leave the translation to the loader.
    private static func physical(
        _ entry: UInt64, in segments: [Segment], of source: KernelSource
    ) throws(Failure) -> GuestAddress {
        if segments.contains(where: { $0.holds(GuestAddress(entry)) }) { return GuestAddress(entry) }
        for segment in segments {
            let (offset, below) = entry.subtractingReportingOverflow(segment.virtualAddress)
            guard !below, offset < segment.fileByteCount else { continue }
            // The sum lies within the segment, whose end is an address.
            return GuestAddress(segment.range.start.rawValue &+ offset)
        }
        throw source.refused("its entry \(GuestAddress(entry)) lies in none of its segments")
    }
}

extension ELFImage.Segment {
    /// Whether `address` holds a byte of the file.
    func holds(_ address: GuestAddress) -> Bool {
        let (offset, below) = address.rawValue.subtractingReportingOverflow(range.start.rawValue)
        return !below && offset < fileByteCount
    }
}

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
