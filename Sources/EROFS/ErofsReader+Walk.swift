public import Host
public import Layers

/// A file of an image, with its metadata as stat(2) and listxattr(2) would report them.
public struct ErofsEntry: Sendable {
    /// The path from the root, with a `/` before each name; empty for the root.
    public let path: [UInt8]
    /// st_ino: two entries with the same number are one file.
    public let inodeNumber: UInt64
    /// st_mode.
    public let mode: UInt16
    public let userID: UInt32
    public let groupID: UInt32
    public let seconds: Int64
    public let nanoseconds: UInt32
    public let linkCount: UInt32
    public let byteCount: UInt64
    public let attributes: [ExtendedAttribute]
    /// The target of a symbolic link.
    public let target: [UInt8]?
    /// The number of a device.
    public let major: UInt32
    public let minor: UInt32
}

extension ErofsReader {
    /// Calls `visit` with each file, a directory before its contents. `pieces` reads the content of a regular
    /// file.
    public func walk(
        _ visit: (_ entry: ErofsEntry, _ pieces: Pieces) throws(Failure) -> Void
    ) throws(Failure) {
        var walk = Walk(MetadataBudget(byteCount: map.byteCount))
        try self.visit(Erofs.rootNode, .directory, [], &walk, visit)
        while let (directory, path) = walk.waiting.popLast() {
            var children: [(name: [UInt8], node: UInt64, type: FileType)] = []
            try forEachEntry(of: directory) { (entry) throws(Failure) in
                children.append((unsafe Array(entry.name), entry.node, entry.type))
            }
            for child in children {
                try self.visit(child.node, child.type, path + [UInt8(ascii: "/")] + child.name, &walk, visit)
            }
        }
    }

    private struct Walk {
        var budget: MetadataBudget
        var waiting: [(directory: Located, path: [UInt8])] = []

        init(_ budget: MetadataBudget) {
            self.budget = budget
        }
    }

    private func visit(
        _ number: UInt64, _ type: FileType, _ path: [UInt8], _ walk: inout Walk,
        _ visit: (ErofsEntry, Pieces) throws(Failure) -> Void
    ) throws(Failure) {
        let (file, entry) = try checked { () throws(Damage) in
            let file = try inode(number)
            guard file.inode.type == type else { throw Damage("inode \(number) has two types") }
            try walk.budget.take(file)
            return (file, try self.entry(file, path))
        }
        try visit(entry, Pieces(reader: self, file: file))
        if type == .directory { walk.waiting.append((file, path)) }
    }

    private func entry(_ file: Located, _ path: [UInt8]) throws(Damage) -> ErofsEntry {
        let inode = file.inode
        let isDevice = inode.type == .characterDevice || inode.type == .blockDevice
        let device = DeviceNumber(encoded: isDevice ? inode.place : 0)
        return ErofsEntry(
            path: path, inodeNumber: file.number, mode: inode.mode, userID: inode.userID,
            groupID: inode.groupID,
            seconds: inode.seconds, nanoseconds: inode.nanoseconds, linkCount: inode.linkCount,
            byteCount: inode.byteCount, attributes: try attributes(of: file),
            target: inode.type == .symbolicLink ? try target(of: file) : nil, major: device.major,
            minor: device.minor)
    }

    /// The content of one file.
    public struct Pieces {
        fileprivate let reader: ErofsReader
        fileprivate let file: Located

        /// Calls `visit` with the pieces of a regular file in order. Other files have none.
        public func read(_ visit: (ErofsPiece) throws(Failure) -> Void) throws(Failure) {
            guard file.inode.type == .regular else { return }
            try reader.forEachPiece(of: file, visit)
        }
    }
}
