import Layers

// The descriptions of damage in a header. They follow "the header at byte 512 is damaged: ".

extension TarHeader.Problem: CustomStringConvertible {
    var description: String {
        switch self {
        case .checksum: "its checksum is wrong"
        case .number(let field, _): "its \(field) is not a number, or out of range"
        }
    }
}

extension SparseMap.Problem: CustomStringConvertible {
    var description: String {
        switch self {
        case .overlap: "pieces of a sparse file overlap or are not in order"
        case .beyondEnd: "a piece of a sparse file lies beyond the end of the file"
        case .wrongSum: "the pieces of a sparse file do not add up to its data"
        case .tooLong: "the map of a sparse file has more than \(SparseMap.segmentLimit) pieces"
        case .noNumber: "the map of a sparse file contains something other than numbers"
        }
    }
}

extension PaxRecords.Problem: CustomStringConvertible {
    var description: String {
        switch self {
        case .malformed: "its records are malformed"
        case .tooManyAttributes: "a file has too many extended attributes"
        case .value(let key): "the record \(PrintableBytes(key)) has an invalid value"
        }
    }
}
