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
