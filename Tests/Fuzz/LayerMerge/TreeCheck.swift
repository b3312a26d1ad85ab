import EROFS
import Layers

/// Holds a tree to what every file system promises of its names and links.
struct TreeCheck {
    private static let directoryBits: UInt16 = 0o040000
    private static let typeBits: UInt16 = 0o170000
    private static let pathLimit = 4095

    /// How many names a file has and how many it should have, by its inode.
    private var links: [UInt64: (found: UInt32, wanted: UInt32)] = [:]
    private var paths: Set<[UInt8]> = []

    mutating func add(_ entry: ErofsEntry, contentByteCount: UInt64) {
        precondition(paths.insert(entry.path).inserted, "a path is there twice")
        checkNames(entry.path)
        let type = entry.mode & Self.typeBits
        if type == 0o100000 { precondition(contentByteCount == entry.byteCount, "a file has another size") }
        if let target = entry.target {
            precondition((1...Self.pathLimit).contains(target.count), "a link's target is too long")
        }
        for attribute in entry.attributes where attribute.name.elementsEqual("trusted.overlay.redirect".utf8)
        {
            precondition(attribute.value.count <= Self.pathLimit, "a redirect is too long for a path")
        }
        if type == Self.directoryBits {
            // Its own name, or `.` in itself, and the `..` of each directory in it.
            links[entry.inodeNumber, default: (2, 0)].wanted = entry.linkCount
            countParent(of: entry)
        } else {
            links[entry.inodeNumber, default: (0, 0)].found += 1
            links[entry.inodeNumber]?.wanted = entry.linkCount
        }
    }

    private var directories: [[UInt8]: UInt64] = [:]

    private mutating func countParent(of entry: ErofsEntry) {
        directories[entry.path] = entry.inodeNumber
        guard let slash = entry.path.lastIndex(of: UInt8(ascii: "/")) else { return }
        guard let parent = directories[Array(entry.path[..<slash])] else {
            preconditionFailure("a directory comes before its parent")
        }
        links[parent, default: (2, 0)].found += 1
    }

    private func checkNames(_ path: [UInt8]) {
        guard !path.isEmpty else { return }
        for name in path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst() {
            precondition((1...255).contains(name.count) && !name.contains(0), "a bad name")
            precondition(!name.elementsEqual(".".utf8) && !name.elementsEqual("..".utf8), "a dot for a name")
        }
    }

    func finish() {
        for (found, wanted) in links.values { precondition(found == wanted, "a link count is wrong") }
    }
}
