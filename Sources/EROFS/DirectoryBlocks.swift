import Host

/// The content of a directory: blocks with the entries (struct erofs_dirent) first and then their names. All
/// names are sorted across all blocks, including `.` and `..`.
struct DirectoryBlocks {
    private struct Entry {
        var name: ArraySlice<UInt8>
        var type: FileType
        var node: UInt64
    }

    private var entries: [Entry] = []

    /// Makes the content of the directory `node`, whose parent is `parent`. `children` are sorted.
    init(
        node: UInt64, parent: UInt64, children: ArraySlice<UInt32>, of tree: FileTree,
        nodeNumber: (FileTree.NodeID) -> UInt64
    ) {
        entries.reserveCapacity(children.count + 2)
        var dots = [
            Entry(name: tree.names[0..<1], type: .directory, node: node),
            Entry(name: tree.names[0..<2], type: .directory, node: parent),
        ][...]
        for child in children.lazy.map(Int.init) {
            let name = tree.name(of: child)
            while let dot = dots.first, dot.name.lexicographicallyPrecedes(name) {
                entries.append(dots.removeFirst())
            }
            entries.append(Entry(name: name, type: tree.nodes[child].type, node: nodeNumber(child)))
        }
        entries.append(contentsOf: dots)
    }

    /// Computes the size of a directory with these children: whole blocks, and the used part of the last one.
    static func byteCount(children: ArraySlice<UInt32>, of tree: FileTree) -> UInt64 {
        var packer = BlockPacker()
        // The sizes of `.` and `..` do not depend on their place, but the ends of the blocks do.
        var dots = [tree.names[0..<1], tree.names[0..<2]][...]
        for child in children.lazy.map(Int.init) {
            let name = tree.name(of: child)
            while let dot = dots.first, dot.lexicographicallyPrecedes(name) {
                packer.add(nameByteCount: dots.removeFirst().count)
            }
            packer.add(nameByteCount: name.count)
        }
        for dot in dots { packer.add(nameByteCount: dot.count) }
        return packer.byteCount
    }

    /// Appends the content. Does not pad the last block.
    func encode(to record: inout ByteWriter) {
        var packer = BlockPacker()
        var first = 0
        for (index, entry) in entries.enumerated() {
            // The entry begins a new block: write the block before it.
            guard packer.add(nameByteCount: entry.name.count), index > 0 else { continue }
            encode(entries[first..<index], to: &record)
            record.align(to: Int(Erofs.blockByteCount))
            first = index
        }
        encode(entries[first...], to: &record)
    }

    private func encode(_ block: ArraySlice<Entry>, to record: inout ByteWriter) {
        var nameOffset = block.count * Erofs.directoryEntryByteCount
        for entry in block {
            record.append(entry.node)
            record.append(UInt16(nameOffset))
            record.append(entry.type.rawValue)
            record.append(UInt8(0))
            nameOffset += entry.name.count
        }
        for entry in block { record.append(entry.name) }
    }
}

/// A counter that decides where a directory's blocks end.
private struct BlockPacker {
    private var fullBlockCount: UInt64 = 0
    private var used: UInt64 = 0

    var byteCount: UInt64 { fullBlockCount * Erofs.blockByteCount + used }

    /// Adds an entry. Returns true if it begins a new block.
    @discardableResult
    mutating func add(nameByteCount: Int) -> Bool {
        let size = UInt64(Erofs.directoryEntryByteCount + nameByteCount)
        used += size
        guard used > Erofs.blockByteCount else { return false }
        fullBlockCount += 1
        used = size
        return true
    }
}
