import Host

/// Where inodes come from that are written in one go.
protocol InodeSource {
    /// The inode of `node`, its attributes' size among it; a directory's size, links and layout are not known yet.
    func inode(of node: FileTree.NodeID) throws(Failure) -> Inode

    /// The attributes' body.
    func appendAttributes(of node: FileTree.NodeID, to record: inout ByteWriter) throws(Failure)

    /// What follows the attributes of a file or a link: data, or a map.
    func appendTail(of node: FileTree.NodeID, _ inode: Inode, to record: inout ByteWriter) throws(Failure)
}

/// Writes inodes and directories whose sizes are all known before: first it decides where each goes, then it writes them
/// one after another, and the content of big directories behind them.
struct MetadataWriter<Source: InodeSource> {
    typealias NodeID = FileTree.NodeID

    let tree: FileTree
    let children: SortedChildren
    let listing: TreeListing
    var source: Source
    /// Throws where the work shall end.
    let check: () throws(Failure) -> Void
    /// What is written, the root first.
    let order: [UInt32]
    let buildTime: Int64
    /// Node numbers of all nodes that have an inode of their own.
    private(set) var numbers: [UInt64]
    /// Big directories and where their content begins, in blocks behind the last inode's.
    private var bigDirectories: [(node: NodeID, block: UInt64)] = []
    private var bigBlockCount: UInt64 = 0
    private let start: UInt64
    private var end: UInt64

    /// `numbers` are those that are known already; the inodes go to `start`, a block's beginning, but for the root's.
    init(
        _ tree: FileTree, _ children: SortedChildren, _ listing: TreeListing, _ source: Source,
        order: [UInt32], numbers: [UInt64], buildTime: Int64, start: UInt64,
        check: @escaping () throws(Failure) -> Void
    ) throws(Failure) {
        self.tree = tree
        self.children = children
        self.listing = listing
        self.source = source
        self.check = check
        self.order = order
        self.numbers = numbers
        self.buildTime = buildTime
        self.start = start
        end = start
        for node in order {
            try check()
            try place(NodeID(node))
        }
    }

    /// Where the image ends that these inodes are the last part of, in blocks.
    var endBlock: UInt64 { firstBigBlock + bigBlockCount }

    private var firstBigBlock: UInt64 { (end + Erofs.blockByteCount - 1) / Erofs.blockByteCount }

    private mutating func place(_ node: NodeID) throws(Failure) {
        let inode = try completed(node)
        if node == FileTree.root {
            guard inode.itemByteCount <= Int(Erofs.blockByteCount - Erofs.rootOffset) else {
                throw Failure(
                    .badInput, "cannot write an image",
                    because: "the root's extended attributes are too large")
            }
            numbers[node] = Erofs.rootNode
        } else {
            let offset = InodePlacer.offset(for: inode.itemByteCount, from: end)
            numbers[node] = offset / Erofs.slotByteCount
            end = offset + UInt64(inode.itemByteCount)
        }
        guard inode.type == .directory, inode.layout == .plain else { return }
        bigDirectories.append((node, bigBlockCount))
        bigBlockCount += (inode.byteCount + Erofs.blockByteCount - 1) / Erofs.blockByteCount
    }

    /// The inode with all that follows from the tree; but not where a big directory's content is.
    private func completed(_ node: NodeID) throws(Failure) -> Inode {
        var inode = try source.inode(of: node)
        if inode.type == .directory {
            inode.byteCount = DirectoryBlocks.byteCount(children: children[node], of: tree)
            let subdirectories = children[node].lazy.filter { tree.nodes[Int($0)].type == .directory }
            inode.linkCount = UInt32(2 + subdirectories.count)
        } else {
            inode.linkCount = listing.linkCounts[node] ?? 1
        }
        inode.isCompact = inode.fitsCompact(buildTime: buildTime)
        if inode.type == .directory { inode.layout = directoryLayout(node, inode) }
        return inode
    }

    private func directoryLayout(_ node: NodeID, _ inode: Inode) -> Erofs.DataLayout {
        let room = Erofs.blockByteCount - (node == FileTree.root ? Erofs.rootOffset : 0)
        let size = UInt64(inode.headerByteCount + inode.attributeByteCount) + inode.byteCount
        return inode.byteCount <= Erofs.inlineLimit && size <= room ? .inline : .plain
    }
}

extension MetadataWriter {
    /// Writes everything to `output`, which stands at `start`; but the root's inode and what follows it are returned.
    /// `firstNumber` is for programs whose st_ino has 32 bits only.
    func write(to output: inout OutputFile, firstNumber: UInt64) throws(Failure) -> [UInt8] {
        var record = ByteWriter()
        var root: [UInt8] = []
        var big = bigDirectories[...]
        for (index, node) in order.lazy.map(NodeID.init).enumerated() {
            try check()
            record.removeAll()
            try encode(node, UInt32(truncatingIfNeeded: firstNumber &+ UInt64(index)), &big, to: &record)
            if node == FileTree.root {
                root = record.bytes
            } else {
                try output.append(zeroes: numbers[node] * Erofs.slotByteCount - output.offset)
                try output.append(record.bytes)
            }
        }
        for directory in bigDirectories {
            try check()
            try output.alignToBlock()
            record.removeAll()
            blocks(of: directory.node).encode(to: &record)
            try output.append(record.bytes)
        }
        try output.alignToBlock()
        return root
    }

    private func encode(
        _ node: NodeID, _ number: UInt32, _ big: inout ArraySlice<(node: NodeID, block: UInt64)>,
        to record: inout ByteWriter
    ) throws(Failure) {
        var inode = try completed(node)
        if let next = big.first, next.node == node {
            inode.place = UInt32(truncatingIfNeeded: firstBigBlock + next.block)
            big.removeFirst()
        } else if inode.type == .directory {
            inode.place = 0
        }
        inode.encode(number: number, to: &record)
        try source.appendAttributes(of: node, to: &record)
        guard inode.type == .directory else { return try source.appendTail(of: node, inode, to: &record) }
        if inode.layout == .inline { blocks(of: node).encode(to: &record) }
    }

    private func blocks(of node: NodeID) -> DirectoryBlocks {
        DirectoryBlocks(
            node: numbers[node], parent: numbers[Int(tree.nodes[node].parent)], children: children[node],
            of: tree
        ) { numbers[listing.firstName(of: $0, in: tree)] }
    }
}

extension Inode {
    /// The inode with everything behind it.
    var itemByteCount: Int {
        let tail: UInt64
        switch layout {
        case .plain: tail = 0
        case .inline: tail = byteCount
        case .chunked: tail = 4 * chunkCount
        }
        return headerByteCount + attributeByteCount + Int(tail)
    }
}
