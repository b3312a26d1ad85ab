/// The places of a sparse file's data; all bytes between are zero (GNU tar, "Storing Sparse Files").
struct SparseMap: Hashable {
    struct Segment: Hashable {
        let offset: UInt64
        let byteCount: UInt64

        /// The end of the segment; nil if it overflows.
        var end: UInt64? {
            let (end, isOver) = offset.addingReportingOverflow(byteCount)
            return isOver ? nil : end
        }
    }

    enum Problem: Error {
        case overlap, beyondEnd, wrongSum, tooLong, noNumber
    }

    /// The limit on segments, which bounds the memory for them. No real file has more.
    static let segmentLimit = 1 << 20

    /// The segments in ascending order, without empty ones.
    let segments: [Segment]
    /// The size of the file including its holes.
    let fileByteCount: UInt64

    /// Checks a map against the file's size and the number of data bytes in the archive.
    init(_ segments: [Segment], fileByteCount: UInt64, dataByteCount: UInt64) throws(Problem) {
        // Ends and sums stay below the file's size, so neither overflows.
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

/// The segments of a sparse file in GNU tar's old format: four in the header, then 21 in each further block.
struct OldSparseFields {
    private(set) var segments: [SparseMap.Segment] = []
    /// Whether another block of segments follows.
    private(set) var isContinued: Bool
    let fileByteCount: UInt64

    init(header: UnsafeRawBufferPointer) throws(TarHeader.Problem) {
        fileByteCount = unsafe try TarHeader.number(header, 483, 12, "realsize")
        isContinued = unsafe header[482] != 0
        unsafe try add(header, from: 386, count: 4)
    }

    /// Adds the segments of a block of 512 bytes.
    mutating func add(extension block: UnsafeRawBufferPointer) throws(TarHeader.Problem) {
        isContinued = unsafe block[504] != 0
        unsafe try add(block, from: 0, count: 21)
    }

    private mutating func add(
        _ block: UnsafeRawBufferPointer, from start: Int, count: Int
    ) throws(TarHeader.Problem) {
        for index in 0..<count {
            let field = start + 24 * index
            // The first empty segment ends the list.
            guard unsafe block[field] != 0 else { return }
            segments.append(
                SparseMap.Segment(
                    offset: unsafe try TarHeader.number(block, field, 12, "sparse offset"),
                    byteCount: unsafe try TarHeader.number(block, field + 12, 12, "sparse size")))
        }
    }
}

/// The map in front of the data of a sparse file (GNU tar, version 1.0), read piece by piece.
struct SparseMapLines {
    private(set) var segments: [SparseMap.Segment] = []
    private var segmentCount: UInt64?
    private var offset: UInt64?
    private var number: UInt64?

    /// Whether all segments that the first line announced have been read.
    var isComplete: Bool { segmentCount.map { UInt64(segments.count) == $0 && offset == nil } ?? false }

    /// Reads the next bytes. The bytes after the last line are padding.
    mutating func add(_ bytes: UnsafeRawBufferPointer) throws(SparseMap.Problem) {
        for index in bytes.indices where !isComplete {
            let byte = unsafe bytes[index]
            switch byte {
            case UInt8(ascii: "\n"): try endLine()
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let (product, isOver) = (number ?? 0).multipliedReportingOverflow(by: 10)
                let (sum, isBeyond) = product.addingReportingOverflow(UInt64(byte & 15))
                guard !isOver, !isBeyond else { throw .noNumber }
                number = sum
            default: throw .noNumber
            }
        }
    }

    private mutating func endLine() throws(SparseMap.Problem) {
        guard let value = number.take() else { throw .noNumber }
        guard segmentCount != nil else {
            guard value <= SparseMap.segmentLimit else { throw .tooLong }
            segmentCount = value
            return
        }
        guard let start = offset.take() else {
            offset = value
            return
        }
        segments.append(SparseMap.Segment(offset: start, byteCount: value))
    }
}
