public import Host
public import Layers

/// The index of an image: an EROFS file system with all names and inodes of the merged layers, whose big
/// files have their data in the layers behind it.
///
/// One device that shows the index and the layers one after another, each padded to 4,096 bytes, is the file
/// system of the image, whatever the number of layers.
public enum ImageIndex {
    /// Merges the images at the paths `layers`, the lowest first, into `descriptor`, an empty regular file
    /// that the caller keeps and closes. `name` is for messages. Output and memory are charged to `budget`.
    /// Calls `check` between the steps; a failure of `check` ends the work.
    @discardableResult
    public static func write(
        layers: [String], to descriptor: Int32, named name: String,
        budget: ImportBudget = ImportBudget(), check: @escaping () throws(Failure) -> Void = {}
    ) throws(Failure) -> ErofsFacts {
        let merge = try LayerMerge(layers, budget: budget, check: check)
        let children = SortedChildren(of: merge.tree)
        try check()
        let listing = TreeListing(merge.tree, children)
        let source = LayerSource(merge)
        var writer = try MetadataWriter(
            merge.tree, children, listing, source, order: listing.order,
            numbers: Array(repeating: 0, count: merge.tree.nodes.count),
            buildTime: try source.mostFrequentTime(listing.order, check), start: Erofs.blockByteCount,
            check: check)
        try writer.source.place(behind: writer.endBlock)
        var output = OutputFile(descriptor, name: name, budget: budget)
        try output.skip(Erofs.blockByteCount)
        let root = try writer.write(to: &output, firstNumber: 1)
        try output.finish()
        precondition(output.offset == writer.endBlock * Erofs.blockByteCount, "the index has another size")
        let superblock = Superblock(
            buildTime: writer.buildTime, inodeCount: UInt64(listing.order.count),
            blockCount: try writer.source.blockCount(behind: writer.endBlock))
        try output.write(superblock.encoded(before: root), at: UInt64(Erofs.superblockOffset))
        return ErofsFacts(
            blockCount: writer.endBlock, inodeCount: UInt64(listing.order.count), skippedAttributeCount: 0)
    }
}
