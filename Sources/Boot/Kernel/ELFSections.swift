import Host

/// The section headers of an ELF-64 file (ELF-64 Object File Format 1.5, 4 "Sections"). Loading does not
/// depend on them, so a wrong table counts as missing.
struct ELFSections {
    private static let headerByteCount: UInt64 = 64
    /// The largest number of sections; Linux has some 40.
    private static let limit: UInt16 = 1024
    private static let nameLimit: UInt64 = 64 << 10

    private let headers: ImageBytes
    private let names: ImageBytes
    private let count: UInt64

    /// Reads the table; returns nil if there is none.
    init?(of image: borrowing KernelImage) throws(Failure) {
        guard let offset = image.prefix.load(UInt64.self, at: 40),
            let entryByteCount = image.prefix.load(UInt16.self, at: 58),
            let count = image.prefix.load(UInt16.self, at: 60),
            let nameIndex = image.prefix.load(UInt16.self, at: 62),
            UInt64(entryByteCount) == Self.headerByteCount, count > 0, count <= Self.limit, nameIndex < count
        else { return nil }
        headers = try image.file.bytes(at: offset, byteCount: Int(UInt64(count) * Self.headerByteCount))
        let nameHeader = UInt64(nameIndex) * Self.headerByteCount
        guard let start = headers.load(UInt64.self, at: nameHeader + 24),
            let byteCount = headers.load(UInt64.self, at: nameHeader + 32)
        else { return nil }
        names = try image.file.bytes(at: start, byteCount: Int(min(byteCount, Self.nameLimit)))
        self.count = UInt64(count)
    }

    /// Returns the place of the section `name` in the file, which has `fileByteCount` bytes; nil if there is
    /// no such section.
    func range(of name: StaticString, upTo fileByteCount: UInt64) -> Range<UInt64>? {
        for index in 0..<count {
            let header = index * Self.headerByteCount
            guard let nameOffset = headers.load(UInt32.self, at: header),
                names.has(name, at: Int(nameOffset)),
                names.load(UInt8.self, at: UInt64(nameOffset) + UInt64(name.utf8CodeUnitCount)) == 0,
                let start = headers.load(UInt64.self, at: header + 24),
                let byteCount = headers.load(UInt64.self, at: header + 32)
            else { continue }
            let (end, overflow) = start.addingReportingOverflow(byteCount)
            return !overflow && end <= fileByteCount && byteCount > 0 ? start..<end : nil
        }
        return nil
    }
}
