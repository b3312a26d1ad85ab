/// Where the data of a sparse file belongs: everything between is zero (GNU tar, "Storing Sparse Files").
struct SparseMap: Hashable {
    struct Segment: Hashable {
        let offset: UInt64
        let byteCount: UInt64

        /// Where it ends; nil beyond all numbers.
        var end: UInt64? {
            let (end, isOver) = offset.addingReportingOverflow(byteCount)
            return isOver ? nil : end
        }
    }

    enum Problem: Error {
        case overlap, beyondEnd, wrongSum, tooLong, noNumber
    }

    /// More pieces than this no file has that somebody made; the memory for them is bounded by it.
    static let segmentLimit = 1 << 20

    /// In ascending order, without empty ones.
    let segments: [Segment]
    /// The size of the file with its holes.
    let fileByteCount: UInt64

    /// Checks a map against the file's size and the bytes of data that the archive has for it.
    init(_ segments: [Segment], fileByteCount: UInt64, dataByteCount: UInt64) throws(Problem) {
        // Both ends and sums are below the file's size, so none of them overflows.
        var (end, sum): (UInt64, UInt64) = (0, 0)
        for segment in segments {
            guard segment.offset >= end else { throw .overlap }
            guard let next = segment.end, next <= fileByteCount else { throw .beyondEnd }
            end = next
            sum &+= segment.byteCount
        }
        guard sum == dataByteCount else { throw .wrongSum }
        self.segments = segments.filter { $0.byteCount > 0 }
        self.fileByteCount = fileByteCount
    }
}

/// What the header of a sparse file in GNU tar's old format adds: four pieces, then blocks with 21 more each.
struct OldSparseFields {
    private(set) var segments: [SparseMap.Segment] = []
    /// Whether another block of pieces follows.
    private(set) var isContinued: Bool
    let fileByteCount: UInt64

    init(header: UnsafeRawBufferPointer) throws(TarHeader.Problem) {
        fileByteCount = unsafe try TarHeader.number(header, 483, 12, "realsize")
        isContinued = unsafe header[482] != 0
        unsafe try add(header, from: 386, count: 4)
    }

    /// Takes the pieces of a block of 512 bytes.
    mutating func add(extension block: UnsafeRawBufferPointer) throws(TarHeader.Problem) {
        isContinued = unsafe block[504] != 0
        unsafe try add(block, from: 0, count: 21)
    }

    private mutating func add(
        _ block: UnsafeRawBufferPointer, from start: Int, count: Int
    ) throws(TarHeader.Problem) {
        for index in 0..<count {
            let field = start + 24 * index
            // The first empty one is the end.
            guard unsafe block[field] != 0 else { return }
            segments.append(
                SparseMap.Segment(
                    offset: unsafe try TarHeader.number(block, field, 12, "sparse offset"),
                    byteCount: unsafe try TarHeader.number(block, field + 12, 12, "sparse size")))
        }
    }
}
