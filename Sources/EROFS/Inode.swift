import Host
import Layers

/// An inode as the image stores it (struct erofs_inode_compact and struct erofs_inode_extended).
struct Inode: Hashable {
    /// st_mode: type and permissions.
    var mode: UInt16
    var userID: UInt32
    var groupID: UInt32
    var byteCount: UInt64
    var seconds: Int64
    var nanoseconds: UInt32
    var linkCount: UInt32
    var layout: Erofs.DataLayout
    /// i_u: the first block, the chunk format or the device number.
    var place: UInt32 = 0
    /// The size of the extended attributes behind the inode.
    var attributeByteCount = 0
    var isCompact = false

    var headerByteCount: Int {
        isCompact ? Erofs.compactInodeByteCount : Erofs.extendedInodeByteCount
    }

    var type: FileType? { FileType(mode: mode) }

    /// Whether a compact inode of 32 bytes can hold the values in an image with that build time.
    func fitsCompact(buildTime: Int64) -> Bool {
        seconds == buildTime && nanoseconds == 0 && userID <= UInt16.max && groupID <= UInt16.max
            && byteCount <= UInt32.max && linkCount <= UInt16.max
    }

    /// log2 of the blocks in a chunk.
    var chunkBits: Int { Int(place & UInt32(Erofs.largestChunkBits)) }

    /// The number of entries in a chunked file's map.
    var chunkCount: UInt64 {
        let shift = UInt64(Erofs.blockBits) + UInt64(chunkBits)
        return byteCount == 0 ? 0 : ((byteCount - 1) >> shift) + 1
    }
}

extension Inode {
    /// Appends the inode. `number` is for programs whose st_ino has only 32 bits.
    func encode(number: UInt32, to record: inout ByteWriter) {
        record.append((isCompact ? 0 : 1) | layout.rawValue << 1)
        record.append(AttributeBody.inodeCount(of: attributeByteCount) ?? 0)
        record.append(mode)
        isCompact ? encodeCompact(number, &record) : encodeExtended(number, &record)
    }

    private func encodeCompact(_ number: UInt32, _ record: inout ByteWriter) {
        record.append(UInt16(truncatingIfNeeded: linkCount))
        record.append(UInt32(truncatingIfNeeded: byteCount))
        record.append(UInt32(0))
        record.append(place)
        record.append(number)
        record.append(UInt16(truncatingIfNeeded: userID))
        record.append(UInt16(truncatingIfNeeded: groupID))
        record.append(UInt32(0))
    }

    private func encodeExtended(_ number: UInt32, _ record: inout ByteWriter) {
        record.append(UInt16(0))
        record.append(byteCount)
        record.append(place)
        record.append(number)
        record.append(userID)
        record.append(groupID)
        record.append(seconds)
        record.append(nanoseconds)
        record.append(linkCount)
        record.append(zeroes: 16)
    }

    /// The offset of the link count in an extended inode.
    static let linkCountOffset: UInt64 = 44
}

extension Inode {
    /// Reads the inode at the start of `raw`. A compact one has the image's build time.
    init(_ raw: UnsafeRawBufferPointer, buildTime: Int64) throws(Damage) {
        guard let format = unsafe raw.number(UInt16.self, at: 0), format & ~0xF == 0,
            let layout = Erofs.DataLayout(rawValue: format >> 1 & 7),
            let attributeCount = unsafe raw.number(UInt16.self, at: 2)
        else { throw Damage("an inode of an unknown format") }
        let isCompact = format & 1 == 0
        guard
            let inode = unsafe isCompact ? Self(compact: raw, layout, buildTime) : Self(extended: raw, layout)
        else { throw Damage("an inode outside of the image") }
        self = inode
        self.isCompact = isCompact
        attributeByteCount = AttributeBody.byteCount(inodeCount: attributeCount)
        try check()
    }

    private init?(compact raw: UnsafeRawBufferPointer, _ layout: Erofs.DataLayout, _ buildTime: Int64) {
        guard let mode = unsafe raw.number(UInt16.self, at: 4),
            let linkCount = unsafe raw.number(UInt16.self, at: 6),
            let byteCount = unsafe raw.number(UInt32.self, at: 8),
            let place = unsafe raw.number(UInt32.self, at: 16),
            let userID = unsafe raw.number(UInt16.self, at: 24),
            let groupID = unsafe raw.number(UInt16.self, at: 26),
            raw.count >= Erofs.compactInodeByteCount
        else { return nil }
        self.init(
            mode: mode, userID: UInt32(userID), groupID: UInt32(groupID), byteCount: UInt64(byteCount),
            seconds: buildTime, nanoseconds: 0, linkCount: UInt32(linkCount), layout: layout, place: place)
    }

    private init?(extended raw: UnsafeRawBufferPointer, _ layout: Erofs.DataLayout) {
        guard let mode = unsafe raw.number(UInt16.self, at: 4),
            let byteCount = unsafe raw.number(UInt64.self, at: 8),
            let place = unsafe raw.number(UInt32.self, at: 16),
            let userID = unsafe raw.number(UInt32.self, at: 24),
            let groupID = unsafe raw.number(UInt32.self, at: 28),
            let seconds = unsafe raw.number(Int64.self, at: 32),
            let nanoseconds = unsafe raw.number(UInt32.self, at: 40),
            let linkCount = unsafe raw.number(UInt32.self, at: 44),
            raw.count >= Erofs.extendedInodeByteCount
        else { return nil }
        self.init(
            mode: mode, userID: userID, groupID: groupID, byteCount: byteCount, seconds: seconds,
            nanoseconds: nanoseconds, linkCount: linkCount, layout: layout, place: place)
    }

    /// Checks the conditions that images of this program meet, before anything is computed from the inode.
    private func check() throws(Damage) {
        guard let type else { throw Damage("a file of an unknown type") }
        guard byteCount <= Int64.max else { throw Damage("a file of a negative size") }
        guard nanoseconds < 1_000_000_000 else { throw Damage("a time with too many nanoseconds") }
        guard layout != .inline || byteCount <= Erofs.blockByteCount else {
            throw Damage("data behind an inode that do not fit into its block")
        }
        guard layout != .chunked || (type == .regular && place <= UInt32(Erofs.largestChunkBits)) else {
            throw Damage("chunks of an unknown format")
        }
        guard type != .symbolicLink || (1...Erofs.longestLinkTarget).contains(Int(byteCount)) else {
            throw Damage("a symbolic link without a target")
        }
        let hasData = type == .regular || type == .directory || type == .symbolicLink
        guard hasData || (byteCount == 0 && layout == .plain) else {
            throw Damage("a special file with data")
        }
    }
}
