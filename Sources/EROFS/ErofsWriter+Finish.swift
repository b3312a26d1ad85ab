public import Host
import Layers

extension ErofsWriter {
    /// Writes the rest of the image, the superblock last: until then the file is no image. Calls `check`
    /// between the steps; a failure of `check` ends the work.
    public func finish(check: @escaping () throws(Failure) -> Void = {}) throws(Failure) -> ErofsFacts {
        precondition(current == nil, "a file of the layer is not complete")
        try output.alignToBlock()
        try region.finish(in: &output)
        try check()
        let children = SortedChildren(of: tree)
        try check()
        let listing = TreeListing(tree, children)
        try writeLinkCounts(listing, check)
        let root = try writeDirectories(children, listing, check)
        try output.finish()
        let blockCount = output.offset / Erofs.blockByteCount
        let superblock = Superblock(
            buildTime: 0, inodeCount: inodeCount, blockCount: UInt32(truncatingIfNeeded: blockCount))
        try output.write(superblock.encoded(before: root), at: UInt64(Erofs.superblockOffset))
        return ErofsFacts(
            blockCount: blockCount, inodeCount: inodeCount, skippedAttributeCount: skippedAttributeCount)
    }

    /// Corrects the link counts of inodes with several names.
    private func writeLinkCounts(
        _ listing: TreeListing, _ check: () throws(Failure) -> Void
    ) throws(Failure) {
        for (node, count) in listing.linkCounts where count > 1 {
            try check()
            var record = ByteWriter()
            record.append(count)
            let offset = tree.nodes[node].inode * Erofs.slotByteCount + Inode.linkCountOffset
            try output.write(record.bytes, at: offset)
        }
    }

    /// Writes all directories except the root's inode. Returns that inode with the data behind it.
    private func writeDirectories(
        _ children: SortedChildren, _ listing: TreeListing, _ check: @escaping () throws(Failure) -> Void
    ) throws(Failure) -> [UInt8] {
        let order = listing.order.filter { tree.nodes[Int($0)].type == .directory }
        var source = DirectorySource(directories: directories, tree: tree)
        for node in order {
            try check()
            let entry = directories[directoryIndex(of: Int(node))]
            source.bodies[Int(node)] = try attributeBody(of: entry, at: Int(node))
        }
        let writer = try MetadataWriter(
            tree, children, listing, source, order: order, numbers: tree.nodes.map(\.inode),
            buildTime: .min, start: output.offset, check: check)
        let firstNumber = inodeCount + 1
        inodeCount += UInt64(order.count)
        return try writer.write(to: &output, firstNumber: firstNumber)
    }

    private func attributeBody(
        of directory: LayerDirectory, at node: FileTree.NodeID
    ) throws(Failure) -> [UInt8] {
        let isRoot = node == FileTree.root
        var marks: [ExtendedAttribute] = []
        if directory.isOpaque {
            marks.append(ExtendedAttribute(name: Erofs.Overlay.opaque, value: Erofs.Overlay.yes))
        }
        if directory.isImplicit {
            let value = directory.isHollow && !isRoot ? Erofs.Overlay.hollow : Erofs.Overlay.yes
            marks.append(ExtendedAttribute(name: Erofs.Overlay.implicit, value: value))
        }
        if isRoot, hasWhiteouts || directories.contains(where: \.isOpaque) {
            marks.append(ExtendedAttribute(name: Erofs.Overlay.hasWhiteouts, value: Erofs.Overlay.yes))
        }
        if isRoot, hasRedirects {
            marks.append(ExtendedAttribute(name: Erofs.Overlay.hasRedirects, value: Erofs.Overlay.yes))
        }
        let own = directory.entry?.attributes.withoutOverlay.withoutDuplicates ?? []
        return try attributeBody(own + marks) {
            LayerPath(trusting: tree.path(of: node).split(separator: UInt8(ascii: "/")).map(Array.init))
        }
    }
}

/// The directories of a layer, as inodes.
private struct DirectorySource: InodeSource {
    let directories: [LayerDirectory]
    let tree: FileTree
    /// The encoded attributes of directories, without empty ones.
    var bodies: [FileTree.NodeID: [UInt8]] = [:]

    func inode(of node: FileTree.NodeID) -> Inode {
        let directory = directories[Int(tree.nodes[node].inode)]
        let entry = directory.entry ?? LayerEntry(path: .root, kind: .directory, permissions: 0o755)
        return Inode(
            entry, .directory, byteCount: 0, layout: .plain, attributeByteCount: bodies[node]?.count ?? 0)
    }

    func appendAttributes(of node: FileTree.NodeID, to record: inout ByteWriter) {
        if let body = bodies[node] { record.append(body) }
    }

    func appendTail(of node: FileTree.NodeID, _ inode: Inode, to record: inout ByteWriter) {}
}
