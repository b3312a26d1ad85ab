import Layers

/// A member of an archive, with the values of all its headers.
struct TarMember {
    let type: UInt8
    let name: [UInt8]
    let linkName: [UInt8]
    /// The number of data bytes in the archive.
    let byteCount: UInt64
    /// The offset of the data from the archive's first byte.
    let offset: UInt64
    let permissions: UInt16
    let userID: UInt32
    let groupID: UInt32
    let seconds: Int64
    let nanoseconds: UInt32
    let major: UInt32
    let minor: UInt32
    let attributes: [ExtendedAttribute]
    /// The places of the data in a sparse file.
    let sparse: SparseMap?
}

/// The headers that extend the next member's header.
struct TarExtensions {
    var longName: [UInt8]?
    var longLinkName: [UInt8]?
    var records: PaxRecords
    /// Whether a header was read that must be followed by another one.
    var isOpen = false
}

extension TarMember {
    /// Whether members of the type have no data, whatever their size field states: links, devices,
    /// directories and FIFOs. Archives have hard links with the size of the file that they name.
    static func isHeaderOnly(_ type: UInt8) -> Bool {
        (UInt8(ascii: "1")...UInt8(ascii: "6")).contains(type)
    }

    /// Returns the number of data bytes that follow a header.
    static func byteCount(_ header: TarHeader, _ extensions: TarExtensions) -> UInt64 {
        isHeaderOnly(header.type) ? 0 : extensions.records.byteCount ?? header.byteCount
    }

    /// Combines the headers of a member. Extended headers override GNU's long names, and these override the
    /// header.
    init(
        _ header: TarHeader, _ extensions: TarExtensions, sparse: SparseMap?, byteCount: UInt64,
        offset: UInt64
    ) {
        let records = extensions.records
        type = header.type
        name = records.sparse.name ?? records.path ?? extensions.longName ?? header.name
        linkName = records.linkName ?? extensions.longLinkName ?? header.linkName
        self.byteCount = byteCount
        self.offset = offset
        permissions = header.permissions
        userID = records.userID ?? header.userID
        groupID = records.groupID ?? header.groupID
        seconds = records.modified?.seconds ?? header.seconds
        nanoseconds = records.modified?.nanoseconds ?? 0
        (major, minor) = (header.major, header.minor)
        attributes = records.attributes
        self.sparse = sparse
    }
}
