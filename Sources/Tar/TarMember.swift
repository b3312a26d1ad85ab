import Layers

/// A member of an archive, with all that its headers say of it.
struct TarMember {
    let type: UInt8
    let name: [UInt8]
    let linkName: [UInt8]
    /// The bytes of data in the archive.
    let byteCount: UInt64
    /// Where they begin, counted from the archive's first byte.
    let offset: UInt64
    let permissions: UInt16
    let userID: UInt32
    let groupID: UInt32
    let seconds: Int64
    let nanoseconds: UInt32
    let major: UInt32
    let minor: UInt32
    let attributes: [ExtendedAttribute]
    /// Where the data belongs in a sparse file.
    let sparse: SparseMap?
}

/// What stands between an archive's last member and a header: the headers that extend it.
struct TarExtensions {
    var longName: [UInt8]?
    var longLinkName: [UInt8]?
    var records: PaxRecords
    /// Whether there is a header that must be followed by another.
    var isOpen = false
}

extension TarMember {
    /// Types whose size means nothing and that no data follows, whatever it says: links, devices, directories, FIFOs. Archives
    /// have hard links with the size of the file that they name.
    static func isHeaderOnly(_ type: UInt8) -> Bool {
        (UInt8(ascii: "1")...UInt8(ascii: "6")).contains(type)
    }

    /// How many bytes follow a header.
    static func byteCount(_ header: TarHeader, _ extensions: TarExtensions) -> UInt64 {
        isHeaderOnly(header.type) ? 0 : extensions.records.byteCount ?? header.byteCount
    }

    /// Extended headers count more than GNU's long names, and these more than the header.
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
