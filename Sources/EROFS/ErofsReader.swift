public import Host
import Layers

/// A reader for images on the host: one layer, or an index with its layers behind it. It checks everything
/// that it reads: any damage in an image is a `Failure`.
public final class ErofsReader: Sendable {
    let map: ImageMap
    let superblock: Superblock
    private let name: String

    /// Opens the image in `files`, which follow one another, each padded to 4,096 bytes.
    public init(files: [String]) throws(Failure) {
        map = try ImageMap(files)
        name = files.first ?? ""
        let rest = Int(Erofs.blockByteCount) - Erofs.superblockOffset
        let bytes = unsafe map.bytes(at: UInt64(Erofs.superblockOffset), count: rest).map(Array.init) ?? []
        do throws(Damage) {
            superblock = try Superblock(bytes)
            guard superblock.blockCount == map.byteCount / Erofs.blockByteCount else {
                throw Damage(
                    "it has \(superblock.blockCount) blocks, but its files have \(map.byteCount) bytes")
            }
        } catch {
            throw Self.failure(error, name)
        }
    }

    func checked<Value>(_ body: () throws(Damage) -> Value) throws(Failure) -> Value {
        do throws(Damage) {
            return try body()
        } catch {
            throw failure(error)
        }
    }

    func failure(_ damage: Damage) -> Failure { Self.failure(damage, name) }

    private static func failure(_ damage: Damage, _ name: String) -> Failure {
        Failure(
            .badInput, "the image file \(name) is damaged", because: damage.reason,
            cure: "Remove the image from the store and import it again.")
    }
}

extension ErofsReader {
    /// An inode and its place in the image.
    struct Located {
        let number: UInt64
        let inode: Inode
        /// The offset of the inode's attributes in the image.
        let attributesOffset: UInt64

        var tailOffset: UInt64 { attributesOffset + UInt64(inode.attributeByteCount) }
    }

    func inode(_ number: UInt64) throws(Damage) -> Located {
        let (offset, overflow) = number.multipliedReportingOverflow(by: Erofs.slotByteCount)
        guard !overflow, let raw = unsafe map.bytes(at: offset, atMost: Erofs.extendedInodeByteCount) else {
            throw Damage("inode \(number) is outside of it")
        }
        let inode = unsafe try Inode(raw, buildTime: superblock.buildTime)
        let (attributes, tooFar) = offset.addingReportingOverflow(UInt64(inode.headerByteCount))
        guard !tooFar else { throw Damage("inode \(number) is outside of it") }
        return Located(number: number, inode: inode, attributesOffset: attributes)
    }

    func attributes(of file: Located) throws(Damage) -> [ExtendedAttribute] {
        guard file.inode.attributeByteCount > 0 else { return [] }
        return unsafe try AttributeBody.decode(attributeBody(of: file))
    }

    func attributeBody(of file: Located) throws(Damage) -> UnsafeRawBufferPointer {
        guard let body = unsafe map.bytes(at: file.attributesOffset, count: file.inode.attributeByteCount)
        else {
            throw Damage("the attributes of inode \(file.number) are outside of it")
        }
        return unsafe body
    }

    /// Returns the data of an inline file, which follow the attributes.
    func inlineData(of file: Located) throws(Damage) -> UnsafeRawBufferPointer {
        let offset = file.tailOffset
        let room = Erofs.blockByteCount - offset % Erofs.blockByteCount
        guard file.inode.byteCount <= room,
            let data = unsafe map.bytes(at: offset, count: Int(truncatingIfNeeded: file.inode.byteCount))
        else { throw Damage("the data of inode \(file.number) are outside of its block") }
        return unsafe data
    }

    /// Returns the undecoded entries of a chunked file's map.
    func chunkMap(of file: Located) throws(Damage) -> UnsafeRawBufferPointer {
        let (byteCount, overflow) = file.inode.chunkCount.multipliedReportingOverflow(by: 4)
        guard !overflow, let count = Int(exactly: byteCount),
            let map = unsafe map.bytes(at: file.tailOffset, count: count)
        else { throw Damage("the map of inode \(file.number) is outside of it") }
        return unsafe map
    }

    /// Returns `byteCount` bytes from the start of `block` on.
    func blocks(_ block: UInt32, byteCount: UInt64, of file: Located) throws(Damage) -> UnsafeRawBufferPointer
    {
        guard let count = Int(exactly: byteCount),
            let data = unsafe map.bytes(at: UInt64(block) * Erofs.blockByteCount, count: count)
        else { throw Damage("the data of inode \(file.number) are outside of it") }
        return unsafe data
    }

    /// Returns the target of a symbolic link.
    func target(of file: Located) throws(Damage) -> [UInt8] {
        unsafe try Array(content(of: file))
    }

    /// Returns all bytes of a file that is not chunked, such as a link or a directory.
    func content(of file: Located) throws(Damage) -> UnsafeRawBufferPointer {
        switch file.inode.layout {
        case .inline: return unsafe try inlineData(of: file)
        case .plain where file.inode.byteCount == 0:
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        case .plain: return unsafe try blocks(file.inode.place, byteCount: file.inode.byteCount, of: file)
        case .chunked: throw Damage("inode \(file.number) should not be chunked")
        }
    }
}

extension ErofsReader {
    /// An entry of a directory.
    ///
    /// Safe: the name points into the reader's mapping, and an entry is passed only to a closure that runs
    /// while the reader lives.
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

extension ErofsReader {
    private static let linkLimit = 40

    /// Reads the file at `path`, following symbolic links inside the image. Returns nil if there is no file
    /// or it is not a regular file. Throws if it has more than `byteCount` bytes.
    public func contents(of path: String, atMost byteCount: Int = 1 << 20) throws(Failure) -> [UInt8]? {
        guard let file = try find(Array(path.utf8)), file.inode.type == .regular else { return nil }
        guard file.inode.byteCount <= byteCount else {
            throw failure(Damage("\(path) has \(file.inode.byteCount) bytes, more than it should"))
        }
        var bytes: [UInt8] = []
        try forEachPiece(of: file) { (piece) throws(Failure) in
            switch piece {
            case .bytes(let raw): unsafe bytes.append(contentsOf: raw)
            case .hole(let count): bytes.append(contentsOf: repeatElement(0, count: Int(count)))
            }
        }
        return bytes
    }

    /// Finds the file at `path`, following at most `linkLimit` symbolic links inside the image. Returns nil
    /// if there is no file or there are more links.
    private func find(_ path: [UInt8]) throws(Failure) -> Located? {
        var above: [Located] = []
        var file = try checked { () throws(Damage) in try inode(Erofs.rootNode) }
        var rest = Self.parts(path)
        var linkCount = 0
        while let name = rest.popLast() {
            if name == [UInt8(ascii: "."), UInt8(ascii: ".")] {
                file = above.popLast() ?? file
                continue
            }
            guard let child = try child(of: file, named: name) else { return nil }
            guard child.inode.type == .symbolicLink else {
                above.append(file)
                file = child
                continue
            }
            linkCount += 1
            guard linkCount <= Self.linkLimit else { return nil }
            let link = try checked { () throws(Damage) in try target(of: child) }
            if link.first == UInt8(ascii: "/"), let root = above.first {
                file = root
                above = []
            }
            rest += Self.parts(link)
        }
        return file
    }

    /// Splits a path into its names, the last one first.
    private static func parts(_ path: [UInt8]) -> [[UInt8]] {
        path.split(separator: UInt8(ascii: "/")).map(Array.init).filter { $0 != [UInt8(ascii: ".")] }
            .reversed()
    }

    private func child(of directory: Located, named name: [UInt8]) throws(Failure) -> Located? {
        guard directory.inode.type == .directory else { return nil }
        var found: UInt64?
        try forEachEntry(of: directory) { (entry) throws(Failure) in
            if unsafe entry.name.elementsEqual(name) { found = entry.node }
        }
        guard let found else { return nil }
        return try checked { () throws(Damage) in try inode(found) }
    }
}
