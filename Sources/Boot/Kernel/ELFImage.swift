import GuestMemory
import Host

/// An ELF-64 kernel, laid out for a given memory: every segment lies in the file, in RAM, and on no other segment.
struct ELFImage {
    /// A PT_LOAD segment of at least one byte.
    struct Segment: Equatable {
        let fileOffset: UInt64
        let fileByteCount: UInt64
        let virtualAddress: UInt64
        /// Where it lies in memory, with what is not in the file (its .bss).
        let range: GuestRange

        /// The part of `range` that comes from the file.
        var fileRange: GuestRange { GuestRange(start: range.start, byteCount: fileByteCount) }
    }

    /// A PT_NOTE segment: where its bytes lie in the file.
    struct Notes: Equatable {
        let fileOffset: UInt64
        let fileByteCount: UInt64
        let alignment: UInt64
    }

    /// In ascending order of their addresses in memory.
    let segments: [Segment]
    let notes: [Notes]
    /// The physical address of e_entry.
    let entry: GuestAddress

    /// `table` is asked for the program headers, wherever they lie.
    init(
        _ bytes: ImageBytes, of source: KernelSource, in memory: GuestMemory,
        table: (_ offset: UInt64, _ byteCount: Int) throws(Failure) -> ImageBytes
    ) throws(Failure) {
        let header = try ELFHeader(bytes, of: source)
        let byteCount = UInt64(header.programHeaderCount) * ELFHeader.programHeaderByteCount
        let headers = try table(header.programHeaderOffset, Int(byteCount))
        guard headers.bytes.count == Int(byteCount) else {
            throw source.truncated("it ends before its program headers do")
        }
        var segments: [Segment] = []
        var notes: [Notes] = []
        for index in 0..<header.programHeaderCount {
            let program = ProgramHeader(headers, at: UInt64(index) * ELFHeader.programHeaderByteCount)
            switch program.type {
            case ProgramHeader.load where program.memoryByteCount > 0:
                segments.append(try Segment(program, number: index, of: source, in: memory))
            case ProgramHeader.note: notes.append(Notes(program))
            default: break
            }
        }
        segments.sort { $0.range.start < $1.range.start }
        try Self.check(segments, of: source)
        self.segments = segments
        self.notes = notes
        entry = try Self.physical(header.entry, in: segments, of: source)
    }

    /// The end of the highest segment.
    var end: GuestAddress { segments.last?.range.end ?? Layout.extendedMemory }

    private static func check(_ segments: [Segment], of source: KernelSource) throws(Failure) {
        guard !segments.isEmpty else {
            throw source.refused("it has no segment to load", cure: KernelSource.cure)
        }
        for (lower, upper) in zip(segments, segments.dropFirst()) where lower.range.overlaps(upper.range) {
            throw source.refused("its segments at \(lower.range.start) and \(upper.range.start) overlap")
        }
    }

    /// e_entry is a physical address in Linux, a virtual one in kernels that leave the translation to the loader.
    private static func physical(
        _ entry: UInt64, in segments: [Segment], of source: KernelSource
    ) throws(Failure) -> GuestAddress {
        if segments.contains(where: { $0.holds(GuestAddress(entry)) }) { return GuestAddress(entry) }
        for segment in segments {
            let (offset, below) = entry.subtractingReportingOverflow(segment.virtualAddress)
            guard !below, offset < segment.fileByteCount else { continue }
            // Within the segment, whose end is an address.
            return GuestAddress(segment.range.start.rawValue &+ offset)
        }
        throw source.refused("its entry \(GuestAddress(entry)) lies in none of its segments")
    }
}

extension ELFImage.Segment {
    /// Whether `address` holds something of the file.
    func holds(_ address: GuestAddress) -> Bool {
        let (offset, below) = address.rawValue.subtractingReportingOverflow(range.start.rawValue)
        return !below && offset < fileByteCount
    }
}
