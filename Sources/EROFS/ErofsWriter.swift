public import Host
public import Layers

/// A writer that turns a layer into an EROFS image in one pass, without unpacking anything.
///
/// The data of big files are written as they arrive, in whole blocks. Between them are regions of 64 KiB with
/// the inodes of all files and the data that are small enough to follow an inode. Directories come when all
/// names are known, and the superblock comes last.
///
/// The layer's changes to lower layers are stored as overlayfs stores them: a whiteout is a character device
/// 0:0, an opaque directory has `trusted.overlay.opaque`, a hard link to a lower layer's file has
/// `trusted.overlay.redirect`.
public final class ErofsWriter: LayerSink {
    var output: OutputFile
    var tree: FileTree
    /// The descriptions of directories. Until `finish`, a directory's node has its index here in place of its
    /// inode.
    var directories: [LayerDirectory] = [LayerDirectory()]
    var region = InodeRegion()
    /// Whether there are hard links to files of lower layers.
    var hasRedirects = false
    /// Whether an entry hides files of lower layers.
    var hasWhiteouts = false
    var inodeCount: UInt64 = 0
    var skippedAttributeCount: UInt64 = 0
    var current: OpenFile?
    /// The allowance of names that paths may lead over.
    var work = PathWork()
    private let budget: ImportBudget
    private let name: String
    /// The path of the entry that is being added, for messages.
    var path = LayerPath.root

    /// Makes a writer to `descriptor`, an empty regular file that the caller keeps and closes. `name` is for
    /// messages. The bytes written and the memory held until the end are charged to `budget`, which all
    /// writers of an import share.
    public init(
        to descriptor: Int32, named name: String, budget: ImportBudget = ImportBudget()
    ) throws(Failure) {
        self.name = name
        self.budget = budget
        tree = FileTree(rootInode: 0, layer: 0, memory: budget.memory)
        output = OutputFile(descriptor, name: name, budget: budget)
        // Block 0 has the superblock and the root directory's inode.
        try output.skip(Erofs.blockByteCount)
    }

    public func add(_ entry: LayerEntry) throws(Failure) {
        precondition(current == nil, "a file of the layer is not complete")
        path = entry.path
        try checked { () throws(Damage) in try budget.addEntry() }
        work.add(nameCount: entry.path.names.count)
        switch entry.kind {
        case .directory: try addDirectory(entry)
        case .whiteout: try addWhiteout(entry)
        case .opaque: try addOpaque(entry)
        case .hardLink(let target): try addHardLink(entry, to: target)
        case .symbolicLink(let target): try addSymbolicLink(entry, to: target)
        case .file(let byteCount): try beginFile(entry, byteCount)
        case .characterDevice(let major, let minor):
            try addSpecial(entry, .characterDevice, try number(major, minor))
        case .blockDevice(let major, let minor): try addSpecial(entry, .blockDevice, try number(major, minor))
        case .fifo: try addSpecial(entry, .fifo, nil)
        case .socket: try addSpecial(entry, .socket, nil)
        }
    }

    private func number(_ major: UInt32, _ minor: UInt32) throws(Failure) -> DeviceNumber {
        guard let number = DeviceNumber(major: major, minor: minor) else {
            throw refused("its device number \(major):\(minor) is out of range for Linux")
        }
        return number
    }

    public func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        guard unsafe !bytes.isEmpty else { return }
        guard var file = current.take() else { preconditionFailure("bytes without a file of the layer") }
        precondition(
            UInt64(bytes.count) <= file.remainingByteCount, "more bytes than the file of the layer has")
        unsafe try file.append(bytes, to: &output)
        try proceed(with: file)
    }

    public func appendHole(byteCount: UInt64) throws(Failure) {
        guard byteCount > 0 else { return }
        guard var file = current.take() else { preconditionFailure("bytes without a file of the layer") }
        precondition(byteCount <= file.remainingByteCount, "more bytes than the file of the layer has")
        try file.append(zeroes: byteCount, to: &output)
        try proceed(with: file)
    }

    func refused(_ reason: String) -> Failure {
        Failure(
            .badInput, "cannot write \(PrintableBytes([UInt8(ascii: "/")] + path.bytes)) to \(name)",
            because: reason)
    }

    func checked<Value>(_ body: () throws(Damage) -> Value) throws(Failure) -> Value {
        do throws(Damage) {
            return try body()
        } catch {
            throw refused(error.reason)
        }
    }
}

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

/// The measurements of a finished image.
public struct ErofsFacts: Hashable, Sendable {
    /// The number of 4,096-byte blocks in the file itself.
    public let blockCount: UInt64
    public let inodeCount: UInt64
    /// The number of extended attributes that were left out because Linux does not know their names: those of
    /// other systems.
    public let skippedAttributeCount: UInt64
}
