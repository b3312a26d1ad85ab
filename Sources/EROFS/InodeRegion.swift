import Host

/// Inodes that are written while the data still come: they collect in a region that was left out between the files.
struct InodeRegion {
    private static let regionByteCount: UInt64 = 64 << 10

    private var record = ByteWriter()
    /// Where the region lies, and where it ends.
    private var start: UInt64 = 0
    private var end: UInt64 = 0

    /// Room for `item`, an inode with what follows it; the offset in the file. No file is being written now.
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

    /// Writes out what has collected, and gives back the rest of the region if nothing has been written behind it.
    mutating func finish(in output: inout OutputFile) throws(Failure) {
        try flush(to: output)
        if output.offset == end { try output.giveBack(from: start) }
    }

    /// Writes out what has collected.
    private mutating func flush(to output: borrowing OutputFile) throws(Failure) {
        try output.write(record.bytes, at: start)
        start += UInt64(record.count)
        record.removeAll()
    }
}

/// Where inodes may lie.
enum InodePlacer {
    /// The next place at `offset` or behind it. What is smaller than a block lies within one: the kernel asks for that of
    /// data behind an inode. What is larger begins with one.
    static func offset(for byteCount: Int, from offset: UInt64) -> UInt64 {
        let slot = (offset + Erofs.slotByteCount - 1) & ~(Erofs.slotByteCount - 1)
        let used = slot % Erofs.blockByteCount
        guard used > 0, used + UInt64(byteCount) > Erofs.blockByteCount else { return slot }
        return slot - used + Erofs.blockByteCount
    }
}
