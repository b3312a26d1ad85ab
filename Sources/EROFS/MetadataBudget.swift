import Layers

/// A limit on the inodes and directories that an image makes a reader visit. In an image of this program they
/// lie side by side, so all together they are no larger than the image's files. An image whose entries
/// overlap a thousand times is refused before it fills memory.
struct MetadataBudget {
    private var rest: UInt64
    private var directories: Set<UInt64> = []
    private var linked: Set<UInt64> = []

    init(byteCount: UInt64) {
        rest = byteCount
    }

    mutating func take(_ file: ErofsReader.Located) throws(Damage) {
        let inode = file.inode
        if inode.type == .directory {
            guard directories.insert(file.number).inserted else {
                throw Damage("directory \(file.number) is in two places")
            }
            if inode.layout == .plain { try spend(inode.byteCount) }
        } else if inode.linkCount > 1 {
            guard linked.insert(file.number).inserted else { return }
        }
        try spend(UInt64(inode.headerByteCount + inode.attributeByteCount))
        switch inode.layout {
        case .plain: break
        case .inline: try spend(inode.byteCount)
        case .chunked:
            let (byteCount, overflow) = inode.chunkCount.multipliedReportingOverflow(by: 4)
            try spend(overflow ? .max : byteCount)
        }
    }

    private mutating func spend(_ byteCount: UInt64) throws(Damage) {
        guard byteCount <= rest else { throw Damage("its directories refer to more data than it has") }
        rest -= byteCount
    }
}
