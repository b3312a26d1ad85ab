import Host
import Layers

/// The values of a superblock (struct erofs_super_block) that differ between images of this program.
struct Superblock: Hashable {
    /// The time of compact inodes, in seconds; they have no nanoseconds.
    var buildTime: Int64
    var inodeCount: UInt64
    /// The number of blocks of the whole device.
    var blockCount: UInt32

    /// Returns the bytes of block 0 from the superblock on. `rest` follows the superblock, and the checksum
    /// covers it.
    func encoded(before rest: [UInt8]) -> [UInt8] {
        var record = ByteWriter()
        record.append(Erofs.magic)
        record.append(UInt32(0))
        record.append(Erofs.Compatible.superblockChecksum | Erofs.Compatible.modificationTime)
        record.append(Erofs.blockBits)
        record.append(UInt8(0))
        record.append(UInt16(Erofs.rootNode))
        record.append(inodeCount)
        record.append(buildTime)
        record.append(UInt32(0))
        record.append(blockCount)
        // Inodes count from the start of the device, and there are no shared attributes. There is no UUID and
        // no name, so the same tree always gives the same bytes.
        record.append(zeroes: 8 + 32)
        record.append(Erofs.Incompatible.chunkedFile)
        record.append(zeroes: Erofs.superblockByteCount - record.count)
        record.append(rest)
        record.append(zeroes: Int(Erofs.blockByteCount) - Erofs.superblockOffset - record.count)
        record.store(CRC32C.continuing(.max, with: record.bytes), at: Field.checksum)
        return record.bytes
    }

    /// Reads block 0 from the superblock on.
    init(_ bytes: [UInt8]) throws(Damage) {
        let expected = Int(Erofs.blockByteCount) - Erofs.superblockOffset
        guard bytes.count == expected else { throw Damage("it is too short for a file system") }
        var copy = ByteWriter()
        copy.append(bytes)
        copy.store(UInt32(0), at: Field.checksum)
        self = try unsafe bytes.span.bytes.withUnsafeBytes { (raw) throws(Damage) in
            try unsafe Self(raw, checksum: CRC32C.continuing(.max, with: copy.bytes))
        }
    }

    private init(_ raw: UnsafeRawBufferPointer, checksum: UInt32) throws(Damage) {
        guard unsafe raw.number(UInt32.self, at: 0) == Erofs.magic else {
            throw Damage("it is not an EROFS file system")
        }
        guard unsafe raw.number(UInt32.self, at: Field.checksum) == checksum else {
            throw Damage("the superblock's checksum is wrong")
        }
        // Accept only what this program writes: anything else would be misread.
        guard unsafe raw.number(UInt8.self, at: Field.blockBits) == Erofs.blockBits,
            unsafe raw.number(UInt16.self, at: Field.rootNode) == UInt16(Erofs.rootNode),
            unsafe raw.number(UInt64.self, at: Field.areas) == 0,
            unsafe raw.number(UInt32.self, at: Field.incompatible) == Erofs.Incompatible.chunkedFile,
            unsafe raw.number(UInt32.self, at: Field.nanoseconds) == 0,
            let buildTime = unsafe raw.number(Int64.self, at: Field.buildTime),
            let inodeCount = unsafe raw.number(UInt64.self, at: Field.inodeCount),
            let blockCount = unsafe raw.number(UInt32.self, at: Field.blockCount)
        else { throw Damage("it was not written by vmm") }
        self.init(buildTime: buildTime, inodeCount: inodeCount, blockCount: blockCount)
    }

    init(buildTime: Int64, inodeCount: UInt64, blockCount: UInt32) {
        self.buildTime = buildTime
        self.inodeCount = inodeCount
        self.blockCount = blockCount
    }

    private enum Field {
        static let checksum = 4
        static let blockBits = 12
        static let rootNode = 14
        static let inodeCount = 16
        static let buildTime = 24
        static let nanoseconds = 32
        static let blockCount = 36
        /// meta_blkaddr and xattr_blkaddr.
        static let areas = 40
        static let incompatible = 80
    }
}

/// The Castagnoli checksum as Linux's crc32c() computes it: neither the start nor the end is inverted.
enum CRC32C {
    static func continuing(_ start: UInt32, with bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(start) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78 }
    }
}
