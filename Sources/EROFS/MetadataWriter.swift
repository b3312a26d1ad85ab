import Host

/// A source of inodes that are written in one go.
protocol InodeSource {
    /// Returns the inode of `node` with the size of its attributes. The size, links and layout of a directory
    /// are not set yet.
    func inode(of node: FileTree.NodeID) throws(Failure) -> Inode

    /// Appends the encoded attributes.
    func appendAttributes(of node: FileTree.NodeID, to record: inout ByteWriter) throws(Failure)

    /// Appends the data or the map that follows the attributes of a file or a link.
    func appendTail(of node: FileTree.NodeID, _ inode: Inode, to record: inout ByteWriter) throws(Failure)
}

/// A writer for inodes and directories whose sizes are all known before. First it places each, then it writes
/// them in order, and the content of big directories behind them.
struct MetadataWriter<Source: InodeSource> {
    typealias NodeID = FileTree.NodeID

    let tree: FileTree
    let children: SortedChildren
    let listing: TreeListing
    var source: Source
    /// Throws if the work is to end.
    let check: () throws(Failure) -> Void
    /// The nodes to write, the root first.
    let order: [UInt32]
    let buildTime: Int64
    /// The node numbers of all nodes with an inode of their own.
    private(set) var numbers: [UInt64]
    /// The big directories and the blocks of their content, counted from the end of the last inode's block.
    private var bigDirectories: [(node: NodeID, block: UInt64)] = []
    private var bigBlockCount: UInt64 = 0
    private let start: UInt64
    private var end: UInt64

    /// Places the inodes from `start` on, which is the beginning of a block; the root's inode is in the
    /// superblock's block. `numbers` has the node numbers that are already known.
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

    /// The end of the image in blocks. These inodes and directories are its last part.
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

    /// Returns the inode with all values that follow from the tree, except the place of a big directory's
    /// content.
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
    /// Writes all inodes and directories to `output`, whose offset is `start`. Returns the root's inode and
    /// the data behind it instead of writing them. Inode numbers from `firstNumber` on are for programs whose
    /// st_ino has only 32 bits.
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
    /// The size of the inode with everything behind it.
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
