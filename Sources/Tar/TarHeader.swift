import Glibc
import Layers

/// A header block of an archive (POSIX.1-1988, ustar; GNU tar, "Basic Tar Format"), without extensions.
struct TarHeader {
    static let byteCount = 512

    enum Problem: Error {
        case checksum
        /// A field is no number. `of` is the name in this header, without extensions.
        case number(field: String, of: [UInt8])
    }

    let type: UInt8
    let name: [UInt8]
    let linkName: [UInt8]
    /// The number of data bytes that follow, without padding.
    let byteCount: UInt64
    let permissions: UInt16
    let userID: UInt32
    let groupID: UInt32
    let seconds: Int64
    let major: UInt32
    let minor: UInt32
    /// The fields of a sparse file that an old GNU header has in place of the ustar prefix.
    let sparse: OldSparseFields?

    /// Reads a block of 512 bytes. Returns nil if all of them are zero.
    init?(_ block: UnsafeRawBufferPointer) throws(Problem) {
        if unsafe Self.isZero(block) { return nil }
        guard unsafe Self.hasChecksum(block) else { throw .checksum }
        type = unsafe block[156]
        let format = unsafe Format(of: block)
        name = unsafe Self.name(block, format)
        linkName = unsafe Self.text(block, 157, 100)
        // The size field of a member without data may have any value.
        byteCount =
            TarMember.isHeaderOnly(type)
            ? unsafe UInt64(clamping: try Self.number(block, 124, 12, "size") as Int64)
            : unsafe try Self.number(block, 124, 12, "size")
        // Some systems write the file's type above the twelve bits.
        let mode: Int64 = unsafe try Self.number(block, 100, 8, "mode")
        permissions = UInt16(truncatingIfNeeded: mode & 0o7777)
        userID = TarNumber.owner(unsafe try Self.number(block, 108, 8, "uid"))
        groupID = TarNumber.owner(unsafe try Self.number(block, 116, 8, "gid"))
        seconds = unsafe try Self.number(block, 136, 12, "mtime")
        let isDevice = type == UInt8(ascii: "3") || type == UInt8(ascii: "4")
        major = isDevice ? unsafe try Self.number(block, 329, 8, "devmajor") : 0
        minor = isDevice ? unsafe try Self.number(block, 337, 8, "devminor") : 0
        sparse = type == UInt8(ascii: "S") ? unsafe try OldSparseFields(header: block) : nil
    }

    private enum Format {
        case v7, gnu, ustar, star

        init(of block: UnsafeRawBufferPointer) {
            let magic = unsafe block[257..<265]
            if unsafe magic.elementsEqual("ustar  \0".utf8) {
                self = .gnu
            } else if unsafe !magic.starts(with: "ustar".utf8) {
                self = .v7
            } else {
                self = unsafe block[508..<512].elementsEqual("tar\0".utf8) ? .star : .ustar
            }
        }

        /// The size of the field for the first part of a long name.
        var prefixByteCount: Int {
            switch self {
            case .v7, .gnu: 0
            case .star: 131
            case .ustar: 155
            }
        }
    }

    private static func name(_ block: UnsafeRawBufferPointer, _ format: Format) -> [UInt8] {
        let name = unsafe text(block, 0, 100)
        let prefix = unsafe text(block, 345, format.prefixByteCount)
        return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
    }

    /// Returns the bytes of a field up to the first zero byte.
    private static func text(_ block: UnsafeRawBufferPointer, _ start: Int, _ byteCount: Int) -> [UInt8] {
        unsafe Array(block[start..<start + byteCount].prefix { $0 != 0 })
    }

    static func number<Number: FixedWidthInteger>(
        _ block: UnsafeRawBufferPointer, _ start: Int, _ byteCount: Int, _ field: String
    ) throws(Problem) -> Number {
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: block[start..<start + byteCount])
        guard let value = unsafe TarNumber.parse(bytes), let number = Number(exactly: value) else {
            throw .number(field: field, of: unsafe text(block, 0, 100))
        }
        return number
    }

    private static func isZero(_ block: UnsafeRawBufferPointer) -> Bool {
        unsafe block[0] == 0 && memcmp(block.baseAddress!, block.baseAddress! + 1, block.count - 1) == 0
    }

    /// Whether the checksum is right: the sum of all bytes, with spaces in place of the checksum's own field.
    /// Old writers summed signed bytes.
    private static func hasChecksum(_ block: UnsafeRawBufferPointer) -> Bool {
        let field = 148..<156
        guard let written: Int64 = unsafe try? number(block, field.lowerBound, field.count, "") else {
            return false
        }
        // 512 bytes cannot overflow the sums.
        var (unsigned, signed): (UInt32, Int32) = (0, 0)
        for index in block.indices {
            let byte = unsafe block[index]
            unsigned &+= UInt32(byte)
            signed &+= Int32(Int8(bitPattern: byte))
        }
        for index in field {
            let byte = unsafe block[index]
            unsigned = unsigned &- UInt32(byte) &+ 32
            signed = signed &- Int32(Int8(bitPattern: byte)) &+ 32
        }
        return written == Int64(unsigned) || written == Int64(signed)
    }
}

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
