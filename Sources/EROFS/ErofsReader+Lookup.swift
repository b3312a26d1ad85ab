public import Host
import Layers

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
