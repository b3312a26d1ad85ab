import Host

/// A collector for inodes that are written between the data of big files. It fills regions that were left
/// free between those.
struct InodeRegion {
    private static let regionByteCount: UInt64 = 64 << 10

    private var record = ByteWriter()
    /// The place of the region: its next free byte, and its end.
    private var start: UInt64 = 0
    private var end: UInt64 = 0

    /// Places `item`, an inode with the data behind it, and returns its offset in the file. Must not be
    /// called in the middle of a file's data.
    mutating func place(_ item: ByteWriter, in output: inout OutputFile) throws(Failure) -> UInt64 {
        var offset = InodePlacer.offset(for: item.count, from: start + UInt64(record.count))
        if offset + UInt64(item.count) > end {
            try flush(to: output)
            try reserve(UInt64(item.count), in: &output)
            offset = start
        }
        record.append(zeroes: Int(offset - start) - record.count)
        record.append(item.bytes)
        return offset
    }

    private mutating func reserve(_ byteCount: UInt64, in output: inout OutputFile) throws(Failure) {
        try output.alignToBlock()
        let needed = byteCount.aligned(up: Erofs.blockByteCount) ?? byteCount
        start = output.offset
        end = start + max(Self.regionByteCount, needed)
        try output.skip(end - start)
    }

    /// Writes the collected inodes, and gives back the rest of the region if nothing has been written behind
    /// it.
    mutating func finish(in output: inout OutputFile) throws(Failure) {
        try flush(to: output)
        if output.offset == end { try output.giveBack(from: start) }
    }

    /// Writes the collected inodes.
    private mutating func flush(to output: borrowing OutputFile) throws(Failure) {
        try output.write(record.bytes, at: start)
        start += UInt64(record.count)
        record.removeAll()
    }
}

/// The rule for the places of inodes.
enum InodePlacer {
    /// Returns the next possible offset from `offset` on. An item smaller than a block lies within one block,
    /// as the kernel demands of data behind an inode. A larger item begins at a block.
    static func offset(for byteCount: Int, from offset: UInt64) -> UInt64 {
        let slot = (offset + Erofs.slotByteCount - 1) & ~(Erofs.slotByteCount - 1)
        let used = slot % Erofs.blockByteCount
        guard used > 0, used + UInt64(byteCount) > Erofs.blockByteCount else { return slot }
        return slot - used + Erofs.blockByteCount
    }
}
