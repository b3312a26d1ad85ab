import Host
import Layers

extension ErofsWriter {
    func beginFile(_ entry: LayerEntry, _ byteCount: UInt64) throws(Failure) {
        guard byteCount <= FileData.largestFile else { throw refused("it has more than 64 PiB") }
        let attributes = try attributeBody(entry)
        let node = try insert(entry.path, .regular)
        if entry.isHidden { hide(entry.path) }
        let size = byteCount + UInt64(attributes.count)
        let isSmall = byteCount <= Erofs.inlineLimit && fitsBehindInode(size)
        let inode = Inode(
            entry, .regular, byteCount: byteCount, layout: byteCount > 0 && isSmall ? .inline : .plain,
            attributeByteCount: attributes.count)
        if inode.layout == .plain && byteCount > 0 { try output.alignToBlock() }
        let file = OpenFile(
            node: node, inode: inode, attributes: attributes, firstBlock: output.offset / Erofs.blockByteCount
        )
        try proceed(with: file)
    }

    /// Hides the directory in the root that `path` begins with.
    private func hide(_ path: LayerPath) {
        guard let name = path.names.first, let node = tree.child(of: FileTree.root, named: name) else {
            return
        }
        tree.nodes[node].flags.insert(.hidden)
    }

    /// Continues with a file to which data were added. Writes its inode if it is complete.
    func proceed(with file: OpenFile) throws(Failure) {
        guard file.remainingByteCount == 0 else {
            current = file
            return
        }
        var file = file
        var record = ByteWriter()
        file.encode(number: nextNumber(), to: &record)
        try output.alignToBlock()
        tree.nodes[file.node].inode = try write(record)
    }

    func addSymbolicLink(_ entry: LayerEntry, to target: [UInt8]) throws(Failure) {
        guard !target.isEmpty, target.count <= Erofs.longestLinkTarget else {
            throw refused("the symbolic link's target has \(target.count) bytes, not 1 to 4,095")
        }
        let attributes = try attributeBody(entry)
        let node = try insert(entry.path, .symbolicLink)
        tree.keep(target: target)
        let isSmall =
            target.count <= Erofs.inlineLimit && fitsBehindInode(UInt64(target.count + attributes.count))
        var inode = Inode(
            entry, .symbolicLink, byteCount: UInt64(target.count), layout: isSmall ? .inline : .plain,
            attributeByteCount: attributes.count)
        // Linux has no other mode for a link, whatever an archive states.
        inode.mode = FileType.symbolicLink.modeBits | 0o777
        if !isSmall {
            inode.place = UInt32(truncatingIfNeeded: output.offset / Erofs.blockByteCount)
            try output.append(target)
            try output.alignToBlock()
        }
        try write(inode, attributes, isSmall ? target : [], at: node)
    }

    func addSpecial(_ entry: LayerEntry, _ type: FileType, _ number: DeviceNumber?) throws(Failure) {
        let attributes = try attributeBody(entry)
        // A device 0:0 is a whiteout to whoever mounts the layer; it cannot be anything else.
        let isWhiteout = type == .characterDevice && number?.encoded == 0
        if isWhiteout { hasWhiteouts = true }
        let node = try insert(entry.path, type, flags: isWhiteout ? .whiteout : [])
        var inode = Inode(
            entry, type, byteCount: 0, layout: .plain, attributeByteCount: attributes.count)
        inode.place = number?.encoded ?? 0
        try write(inode, attributes, [], at: node)
    }

    func write(
        _ inode: Inode, _ attributes: [UInt8], _ content: [UInt8], at node: FileTree.NodeID
    ) throws(Failure) {
        var record = ByteWriter()
        inode.encode(number: nextNumber(), to: &record)
        record.append(attributes)
        record.append(content)
        tree.nodes[node].inode = try write(record)
    }

    /// Writes an inode with the data behind it. Returns the node number.
    private func write(_ record: ByteWriter) throws(Failure) -> UInt64 {
        try region.place(record, in: &output) / Erofs.slotByteCount
    }

    func nextNumber() -> UInt32 {
        inodeCount += 1
        return UInt32(truncatingIfNeeded: inodeCount)
    }

    /// Whether an inode and `byteCount` bytes of attributes and data fit into a block.
    func fitsBehindInode(_ byteCount: UInt64) -> Bool {
        byteCount <= Erofs.blockByteCount - UInt64(Erofs.extendedInodeByteCount)
    }

    /// Encodes the attributes of an entry. Leaves out those of overlayfs, which would not describe the file.
    func attributeBody(_ entry: LayerEntry) throws(Failure) -> [UInt8] {
        guard !entry.attributes.isEmpty else { return [] }
        return try attributeBody(entry.attributes.withoutOverlay.withoutDuplicates) { entry.path }
    }

    /// Encodes attributes. `path` returns the path of their file, for an error message.
    func attributeBody(_ attributes: [ExtendedAttribute], of path: () -> LayerPath) throws(Failure) -> [UInt8]
    {
        do throws(Damage) {
            let (bytes, skippedCount) = try AttributeBody.encode(attributes)
            skippedAttributeCount += skippedCount
            return bytes
        } catch {
            self.path = path()
            throw refused(error.reason)
        }
    }
}

extension Inode {
    /// Makes an inode for an entry. A layer has only extended inodes, because any number of hard links may
    /// still follow.
    init(
        _ entry: LayerEntry, _ type: FileType, byteCount: UInt64, layout: Erofs.DataLayout,
        attributeByteCount: Int
    ) {
        self.init(
            mode: type.modeBits | entry.permissions & 0o7777, userID: entry.userID, groupID: entry.groupID,
            byteCount: byteCount, seconds: entry.seconds, nanoseconds: min(entry.nanoseconds, 999_999_999),
            linkCount: 1, layout: layout, attributeByteCount: attributeByteCount)
    }
}
