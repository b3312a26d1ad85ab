import Host
import Layers

/// The members of an archive in order: v7, ustar, GNU and pax, and any mixture of them.
struct TarMembers<Source: ByteSource & ~Copyable>: ~Copyable {
    private(set) var blocks: TarBlocks<Source>
    private var globals = PaxRecords()
    /// The number of bytes left of the last member's data, and of its padding.
    private var dataLeft: UInt64 = 0
    private var paddingLeft: UInt64 = 0
    /// The offset of the last header.
    private var headerPosition: UInt64 = 0

    init(_ source: consuming Source) {
        blocks = TarBlocks(source)
    }

    /// Returns the next member; nil at the archive's end. Skips the rest of the last member's data.
    mutating func next() throws(Failure) -> TarMember? {
        var extensions = TarExtensions(records: globals)
        while let header = try nextHeader() {
            guard try extend(&extensions, by: header) else { return try member(header, extensions) }
        }
        guard !extensions.isOpen else { throw blocks.truncated("where a file's header should be") }
        return nil
    }

    /// Returns the next bytes of the last member's data, valid until the next call; none at the end.
    mutating func nextData(upTo byteCount: UInt64 = .max) throws(Failure) -> UnsafeRawBufferPointer {
        let piece = unsafe try blocks.take(upTo: min(dataLeft, byteCount))
        if unsafe piece.isEmpty, min(dataLeft, byteCount) > 0 {
            throw blocks.truncated("in the middle of a file")
        }
        dataLeft -= UInt64(piece.count)
        return unsafe piece
    }

    /// Reads and discards the bytes behind the archive's end.
    mutating func drain() throws(Failure) {
        try blocks.drain()
    }

    // MARK: headers

    private mutating func nextHeader() throws(Failure) -> TarHeader? {
        try blocks.skip(dataLeft)
        try blocks.skipPadding(paddingLeft)
        (dataLeft, paddingLeft) = (0, 0)
        headerPosition = blocks.position
        // Other programs also accept an archive without end blocks, and an empty one. If data are missing,
        // the digest shows it.
        guard let block = unsafe try blocks.next() else { return nil }
        if let header = unsafe try parse(block) { return header }
        // Two blocks of zeroes are the end (POSIX.1-1988, tar).
        guard let second = unsafe try blocks.next() else { return nil }
        guard unsafe try parse(second) == nil else {
            throw refused("it follows a single block of zeroes")
        }
        return nil
    }

    private func parse(_ block: UnsafeRawBufferPointer) throws(Failure) -> TarHeader? {
        do throws(TarHeader.Problem) {
            return unsafe try TarHeader(block)
        } catch {
            throw refused(error)
        }
    }

    /// Reads a header that only extends the next one. Returns false if it is another header.
    private mutating func extend(
        _ extensions: inout TarExtensions, by header: TarHeader
    ) throws(Failure) -> Bool {
        switch header.type {
        case UInt8(ascii: "L"): extensions.longName = try text(header)
        case UInt8(ascii: "K"): extensions.longLinkName = try text(header)
        case UInt8(ascii: "x"), UInt8(ascii: "X"):
            let body = try body(header, limit: PaxRecords.byteLimit)
            // In place, without a copy: the records may have a map of 16 MB, to which any number of headers
            // may add.
            try checked { () throws(PaxRecords.Problem) in try extensions.records.add(body) }
        case UInt8(ascii: "g"):
            let body = try body(header, limit: PaxRecords.byteLimit)
            var all = globals
            try checked { () throws(PaxRecords.Problem) in
                try all.add(global: body)
                try extensions.records.add(global: body)
            }
            globals = all
            return true
        // A volume's label.
        case UInt8(ascii: "V"):
            expectData(header.byteCount)
            return true
        default: return false
        }
        extensions.isOpen = true
        return true
    }

    private func checked(_ body: () throws(PaxRecords.Problem) -> Void) throws(Failure) {
        do throws(PaxRecords.Problem) { try body() } catch { throw refused(error.description) }
    }

    private mutating func expectData(_ byteCount: UInt64) {
        dataLeft = byteCount
        // Pad to the next multiple of 512.
        paddingLeft = (0 &- byteCount) & 511
    }

    /// Reads all data of a header that belongs to no file.
    private mutating func body(_ header: TarHeader, limit: Int) throws(Failure) -> [UInt8] {
        guard header.byteCount <= UInt64(limit) else { throw refused("it is an extension that is too long") }
        expectData(header.byteCount)
        var bytes: [UInt8] = []
        while dataLeft > 0 { unsafe try bytes.append(contentsOf: nextData()) }
        return bytes
    }

    /// Reads a long name. A zero byte ends it, and only zero bytes may follow.
    private mutating func text(_ header: TarHeader) throws(Failure) -> [UInt8] {
        let bytes = try body(header, limit: PaxRecords.byteLimit)
        let text = bytes.prefix { $0 != 0 }
        guard bytes[text.endIndex...].allSatisfy({ $0 == 0 }) else {
            throw refused("a name contains a zero byte")
        }
        return Array(text)
    }

    // MARK: members

    private mutating func member(
        _ header: TarHeader, _ extensions: TarExtensions
    ) throws(Failure) -> TarMember {
        let byteCount = TarMember.byteCount(header, extensions)
        var old = header.sparse
        while old?.isContinued == true { try addExtension(to: &old!) }
        expectData(byteCount)
        let sparse = try sparseMap(header, old, extensions.records.sparse)
        return TarMember(
            header, extensions, sparse: sparse, byteCount: dataLeft, offset: blocks.position)
    }

    private mutating func addExtension(to fields: inout OldSparseFields) throws(Failure) {
        guard fields.segments.count < SparseMap.segmentLimit else { throw refused(SparseMap.Problem.tooLong) }
        guard let block = unsafe try blocks.next() else {
            throw blocks.truncated("in a map of a sparse file")
        }
        do throws(TarHeader.Problem) {
            unsafe try fields.add(extension: block)
        } catch {
            throw refused(error)
        }
    }

    private mutating func sparseMap(
        _ header: TarHeader, _ old: OldSparseFields?, _ records: PaxSparseRecords
    ) throws(Failure) -> SparseMap? {
        if let old { return try checked(old.segments, old.fileByteCount) }
        guard records.isSparse, TarMember.isFile(header.type) else { return nil }
        guard !records.isUnknown, let fileByteCount = records.fileByteCount else {
            throw refused("it is an unknown kind of sparse file")
        }
        return try checked(records.isMapInData ? mapInData() : records.segments, fileByteCount)
    }

    private func checked(
        _ segments: [SparseMap.Segment], _ fileByteCount: UInt64
    ) throws(Failure) -> SparseMap {
        do throws(SparseMap.Problem) {
            return try SparseMap(segments, fileByteCount: fileByteCount, dataByteCount: dataLeft)
        } catch {
            throw refused(error)
        }
    }

    /// Reads a map of version 1.0: decimal numbers, one per line, padded with zeroes to a whole block. The
    /// first is the number of segments; the offset and size of each follow.
    private mutating func mapInData() throws(Failure) -> [SparseMap.Segment] {
        var lines = SparseMapLines()
        while !lines.isComplete {
            guard dataLeft > 0 else { throw refused(SparseMap.Problem.noNumber) }
            let end = dataLeft - min(dataLeft, UInt64(TarHeader.byteCount))
            while dataLeft > end {
                let piece = unsafe try nextData(upTo: dataLeft - end)
                do throws(SparseMap.Problem) {
                    unsafe try lines.add(piece)
                } catch {
                    throw refused(error)
                }
            }
        }
        return lines.segments
    }

    // MARK: failures

    private func refused(_ problem: TarHeader.Problem) -> Failure {
        if case .checksum = problem, headerPosition == 0 {
            return blocks.source.refused("it is not a tar archive")
        }
        guard case .number(_, let name) = problem else { return refused(problem.description) }
        return blocks.refused(
            "the header of \(PrintableBytes(name)) at byte \(headerPosition) is damaged: \(problem)")
    }

    private func refused(_ problem: SparseMap.Problem) -> Failure { refused(problem.description) }

    private func refused(_ why: String) -> Failure {
        blocks.refused("the header at byte \(headerPosition) is damaged: \(why)")
    }
}

extension TarMember {
    /// Whether the type is a regular file: of today, of old archives, or contiguous, which no system has any
    /// more.
    static func isFile(_ type: UInt8) -> Bool {
        [UInt8(ascii: "0"), 0, UInt8(ascii: "7")].contains(type)
    }
}
