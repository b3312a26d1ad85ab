/// The pax records of a sparse file (GNU tar, "Storing Sparse Files", versions 0.0, 0.1 and 1.0).
struct PaxSparseRecords {
    private(set) var name: [UInt8]?
    private(set) var fileByteCount: UInt64?
    /// The map of versions 0.0 and 0.1.
    private(set) var segments: [SparseMap.Segment] = []
    private var version: (major: UInt32?, minor: UInt32?) = (nil, nil)
    /// The offset of a segment of version 0.0 whose size is still to come.
    private var offset: UInt64?

    /// Whether the file is sparse at all.
    var isSparse: Bool { fileByteCount != nil || version.major != nil }

    /// Whether the map is in front of the data: version 1.0.
    var isMapInData: Bool { version.major == 1 && version.minor ?? 0 == 0 }

    /// Whether the version is newer than these.
    var isUnknown: Bool { version.major ?? 0 > 1 || version.major == 1 && version.minor ?? 0 > 0 }

    mutating func set(_ key: ArraySlice<UInt8>, to value: ArraySlice<UInt8>) throws(PaxRecords.Problem) {
        switch String(decoding: key, as: UTF8.self) {
        case "GNU.sparse.major": version.major = try PaxRecords.number(key, value)
        case "GNU.sparse.minor": version.minor = try PaxRecords.number(key, value)
        case "GNU.sparse.name": name = try PaxRecords.name(key, value)
        case "GNU.sparse.size", "GNU.sparse.realsize": fileByteCount = try PaxRecords.number(key, value)
        case "GNU.sparse.map": segments = try Self.map(key, value)
        case "GNU.sparse.offset": offset = try PaxRecords.number(key, value)
        case "GNU.sparse.numbytes": try addSegment(key, value)
        // GNU.sparse.numblocks repeats what the map states.
        default: break
        }
    }

    private mutating func addSegment(
        _ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>
    ) throws(PaxRecords.Problem) {
        let byteCount: UInt64? = try PaxRecords.number(key, value)
        guard let start = offset.take(), let byteCount, segments.count < SparseMap.segmentLimit else {
            throw .value(key: Array(key))
        }
        segments.append(SparseMap.Segment(offset: start, byteCount: byteCount))
    }

    /// Parses a map: `offset,size,offset,size...`
    private static func map(
        _ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>
    ) throws(PaxRecords.Problem) -> [SparseMap.Segment] {
        var segments: [SparseMap.Segment] = []
        var offset: UInt64?
        for field in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        where !value.isEmpty {
            guard let number: UInt64 = DecimalNumber.parse(field) else { throw .value(key: Array(key)) }
            guard let start = offset.take() else {
                offset = number
                continue
            }
            segments.append(SparseMap.Segment(offset: start, byteCount: number))
        }
        guard offset == nil else { throw .value(key: Array(key)) }
        return segments
    }
}
