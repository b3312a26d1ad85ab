import Host
import Layers

extension ErofsReader {
    /// An entry of a directory. The name is part of the mapping.
    @safe
    struct DirectoryEntry {
        let name: UnsafeRawBufferPointer
        let node: UInt64
        let type: FileType
    }

    /// Calls `visit` with the entries of a directory except `.` and `..`. Names are in strict order, so none
    /// comes twice.
    func forEachEntry(
        of directory: Located, _ visit: (DirectoryEntry) throws(Failure) -> Void
    ) throws(Failure) {
        var rest = unsafe try checked { () throws(Damage) in unsafe try content(of: directory) }
        var previous: UnsafeRawBufferPointer?
        while unsafe !rest.isEmpty {
            let block = unsafe UnsafeRawBufferPointer(rebasing: rest.prefix(Int(Erofs.blockByteCount)))
            unsafe rest = unsafe UnsafeRawBufferPointer(rebasing: rest.dropFirst(block.count))
            var index = 0
            while let entry = try checked({ () throws(Damage) in
                unsafe try Self.entry(index, of: block, after: previous)
            }) {
                unsafe previous = entry.name
                index += 1
                if unsafe !Self.isDot(entry.name) { try visit(entry) }
            }
        }
    }

    private static func isDot(_ name: UnsafeRawBufferPointer) -> Bool {
        let dot = UInt8(ascii: ".")
        return unsafe name[0] == dot && (name.count == 1 || (name.count == 2 && name[1] == dot))
    }

    /// Reads entry `index` of a block; nil behind the last one. The offset of the first name tells the number
    /// of entries.
    private static func entry(
        _ index: Int, of block: UnsafeRawBufferPointer, after previous: UnsafeRawBufferPointer?
    ) throws(Damage) -> DirectoryEntry? {
        let size = Erofs.directoryEntryByteCount
        guard let names = unsafe block.number(UInt16.self, at: 8).map(Int.init), names >= size,
            names % size == 0
        else { throw Damage("no entries") }
        let (start, count) = (index * size, names / size)
        guard index < count else { return nil }
        guard let node = unsafe block.number(UInt64.self, at: start),
            let nameStart = unsafe block.number(UInt16.self, at: start + 8).map(Int.init),
            let type = unsafe block.number(UInt8.self, at: start + 10).flatMap(FileType.init(rawValue:)),
            let nameEnd = index + 1 < count
                ? unsafe block.number(UInt16.self, at: start + size + 8).map(Int.init)
                : unsafe end(ofNameAt: nameStart, in: block)
        else { throw Damage("an entry outside of its block") }
        guard nameEnd > nameStart, nameStart >= names, nameEnd - nameStart <= Erofs.longestName,
            let name = unsafe block.slice(at: nameStart, byteCount: nameEnd - nameStart),
            unsafe !name.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") })
        else { throw Damage("a bad name") }
        if let previous = unsafe previous, unsafe !Name.precedes(previous, name) {
            throw Damage("names out of order")
        }
        return unsafe DirectoryEntry(name: name, node: node, type: type)
    }

    /// Finds the end of a block's last name: at a zero byte, or at the block's end.
    private static func end(ofNameAt start: Int, in block: UnsafeRawBufferPointer) -> Int? {
        guard start < block.count else { return nil }
        return unsafe block[start...].firstIndex(of: 0) ?? block.count
    }
}
