/// The numbers of the format (Linux, fs/erofs/erofs_fs.h) that uncompressed images need.
enum Erofs {
    static let magic: UInt32 = 0xE0F5_E1E2
    static let superblockOffset = 1024
    static let superblockByteCount = 128
    static let blockByteCount: UInt64 = 4096
    /// log2 of the block's size.
    static let blockBits: UInt8 = 12
    /// The alignment of inodes, and the unit of a node number (nid).
    static let slotByteCount: UInt64 = 32
    static let compactInodeByteCount = 32
    static let extendedInodeByteCount = 64
    static let directoryEntryByteCount = 12
    static let longestName = 255
    /// The limit on a link's target: a page, with its terminating zero.
    static let longestLinkTarget = 4095

    /// The offset of the root's inode. It is in the superblock's block, because its node number has only 16
    /// bits.
    static let rootOffset = UInt64(superblockOffset + superblockByteCount)
    static let rootNode = rootOffset / slotByteCount

    /// EROFS_NULL_ADDR: the chunk is a hole.
    static let hole: UInt32 = .max
    /// The limit on blocks: their numbers have 32 bits, and the last number means a hole.
    static let blockCountLimit = UInt64(UInt32.max)
    /// The limit on an image: its index and all layers together, including holes. An image is memory to the
    /// guest. It has to fit below the guest-physical address limit of every CPU that this program may run on,
    /// and no image needs as much.
    static let imageByteLimit: UInt64 = 1 << 40
    static let imageTooLarge = "it has more than 1 TiB, including the holes of sparse files"
    /// EROFS_CHUNK_FORMAT_BLKBITS_MASK: the largest log2 of the blocks in a chunk.
    static let largestChunkBits = 31

    /// The size up to which the data of files, links and directories are stored behind the inode; larger data
    /// have their own blocks. A block for a small file would be mostly empty, while from half a block on
    /// there is little to gain. Files that programs map should have blocks: only blocks can be mapped
    /// directly from the device (DAX).
    static let inlineLimit: UInt64 = 2048

    enum Compatible {
        /// EROFS_FEATURE_COMPAT_SB_CHKSUM, EROFS_FEATURE_COMPAT_MTIME.
        static let superblockChecksum: UInt32 = 1
        static let modificationTime: UInt32 = 2
    }

    enum Incompatible {
        /// EROFS_FEATURE_INCOMPAT_CHUNKED_FILE.
        static let chunkedFile: UInt32 = 4
    }

    /// The place of an inode's data (EROFS_INODE_...).
    enum DataLayout: UInt16 {
        /// Consecutive blocks.
        case plain = 0
        /// Behind the inode.
        case inline = 2
        /// Equal chunks, with a map behind the inode.
        case chunked = 4
    }

    /// Attributes that overlayfs reserves (fs/overlayfs/overlayfs.h), and some of this program, which
    /// overlayfs hides with them.
    enum Overlay {
        static let prefix = Array("trusted.overlay.".utf8)
        static let opaque = Array("trusted.overlay.opaque".utf8)
        /// Marks a file that is another name of a file in a lower layer: `redirect` is the path of that file.
        static let metacopy = Array("trusted.overlay.metacopy".utf8)
        static let redirect = Array("trusted.overlay.redirect".utf8)
        /// Marks a directory that the layer does not describe, but that has entries of the layer.
        static let implicit = Array("trusted.overlay.vmm-implicit".utf8)
        /// Marks the root of a layer with entries that hide lower layers' files.
        static let hasWhiteouts = Array("trusted.overlay.vmm-whiteouts".utf8)
        /// Marks the root of a layer with files that have `redirect`.
        static let hasRedirects = Array("trusted.overlay.vmm-redirects".utf8)
        /// The value of `implicit` if the directory contains only whiteouts.
        static let hollow = Array("hollow".utf8)
        static let yes = Array("y".utf8)
    }
}

/// A directory entry's type (Linux, include/linux/fs_types.h, FT_...).
enum FileType: UInt8 {
    case regular = 1
    case directory, characterDevice, blockDevice, fifo, socket, symbolicLink

    /// Makes a type of the type bits of st_mode.
    init?(mode: UInt16) {
        switch mode & 0o170000 {
        case 0o100000: self = .regular
        case 0o040000: self = .directory
        case 0o020000: self = .characterDevice
        case 0o060000: self = .blockDevice
        case 0o010000: self = .fifo
        case 0o140000: self = .socket
        case 0o120000: self = .symbolicLink
        default: return nil
        }
    }

    var modeBits: UInt16 {
        switch self {
        case .regular: 0o100000
        case .directory: 0o040000
        case .characterDevice: 0o020000
        case .blockDevice: 0o060000
        case .fifo: 0o010000
        case .socket: 0o140000
        case .symbolicLink: 0o120000
        }
    }
}

/// A device number as inodes store it (Linux, new_encode_dev): 12 bits of major, 20 of minor.
struct DeviceNumber: Hashable {
    let major: UInt32
    let minor: UInt32

    init?(major: UInt32, minor: UInt32) {
        guard major < 1 << 12, minor < 1 << 20 else { return nil }
        self.major = major
        self.minor = minor
    }

    init(encoded: UInt32) {
        major = encoded >> 8 & 0xFFF
        minor = encoded & 0xFF | encoded >> 12 & 0xFFF00
    }

    var encoded: UInt32 { minor & 0xFF | major << 8 | (minor & ~0xFF) << 12 }
}

extension UInt64 {
    /// Returns the next multiple of `alignment`, a power of two; nil on overflow.
    func aligned(up alignment: UInt64) -> UInt64? {
        let (sum, overflow) = addingReportingOverflow(alignment - 1)
        return overflow ? nil : sum & ~(alignment - 1)
    }
}
