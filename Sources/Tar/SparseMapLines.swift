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
