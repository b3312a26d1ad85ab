import Host
import Layers

/// The files of a layer that are other names of files outside the layer.
struct MergedLinks {
    enum Target {
        case found(FileTree.Node)
        /// The lower layers have no such file. This layer may have it, by another path.
        case missing([UInt8])
    }

    struct Late {
        let name: [UInt8]
        let parent: FileTree.NodeID
        let target: [UInt8]
    }

    /// The targets, by the number of the inode that stands for the link.
    private(set) var targets: [UInt64: Target] = [:]
    private(set) var late: [Late] = []
    /// The numbers of inodes that are files of the layer itself and have several names.
    private var own: Set<UInt64> = []
    private let share: TreeMemoryShare
    private static let keptByteCount = 128

    /// Makes an empty collection, whose memory is charged to `memory`.
    init(memory: TreeMemory) {
        share = TreeMemoryShare(of: memory)
    }

    /// Whether a name of this inode was looked at before. An inode may have 256 KiB of attributes and
    /// millions of names, so the attributes are decoded once.
    func knows(_ number: UInt64) -> Bool { targets[number] != nil || own.contains(number) }

    mutating func add(own number: UInt64) throws(Damage) {
        try share.spend(Self.keptByteCount)
        own.insert(number)
    }

    mutating func add(_ target: Target, for number: UInt64) throws(Damage) {
        var byteCount = Self.keptByteCount
        if case .missing(let path) = target { byteCount += path.count }
        try share.spend(byteCount)
        targets[number] = target
    }

    mutating func add(_ link: Late) throws(Damage) {
        try share.spend(Self.keptByteCount + link.name.count)
        late.append(link)
    }
}

extension LayerMerge {
    /// Finds the targets of a layer's links, before the layer changes the tree.
    mutating func findLinks(
        of layer: MergedLayer, _ root: ErofsReader.Located
    ) throws(Failure) -> MergedLinks {
        var links = MergedLinks(memory: budget.memory)
        try layer.walk(root) { (entry) throws(Failure) in
            if entry.type == .directory { return FileTree.root }
            let inode = entry.file.inode
            guard inode.type == .regular, inode.byteCount == 0, inode.attributeByteCount > 0,
                !links.knows(entry.file.number)
            else { return nil }
            let target = try target(of: entry.file, layer)
            try checked(layer.number) { () throws(Damage) in
                if let target {
                    try links.add(target, for: entry.file.number)
                } else if inode.linkCount > 1 {
                    try links.add(own: entry.file.number)
                }
            }
            return nil
        }
        return links
    }

    /// Returns the file that an inode stands for; nil for one of the layer's own files.
    private mutating func target(
        of file: ErofsReader.Located, _ layer: MergedLayer
    ) throws(Failure) -> MergedLinks.Target? {
        guard let path = try layer.marks(of: file).value(of: Erofs.Overlay.redirect) else { return nil }
        work.add(nameCount: path.count { $0 == UInt8(ascii: "/") })
        return try self.file(at: path, layer.number).map { .found($0) } ?? .missing(path)
    }

    /// Adds the links whose targets were missing, which may be links to each other. Archives have links after
    /// their targets, so hardly any link waits for another. Each pass goes through all links that are left.
    mutating func addLate(_ links: MergedLinks, _ layer: MergedLayer) throws(Failure) {
        var waiting = links.late
        var passCount = 0
        while !waiting.isEmpty {
            passCount += 1
            guard passCount <= Self.linkLimit else {
                throw refused("too many of its hard links lead to each other", layer.number)
            }
            var left: [MergedLinks.Late] = []
            for link in waiting {
                try check()
                guard let target = try file(at: link.target, layer.number) else {
                    left.append(link)
                    continue
                }
                try insert(link.name, in: link.parent, target.type, target.inode, target.layer, .linked)
            }
            guard left.count < waiting.count else {
                let text = PrintableBytes(left[0].target)
                throw refused("it has a hard link to \(text), and no layer has such a file", layer.number)
            }
            waiting = left
        }
    }

    /// Returns the file at a path, and marks it as a file with several names.
    private mutating func file(at target: [UInt8], _ layer: UInt16) throws(Failure) -> FileTree.Node? {
        var path = MergedPath(at: FileTree.root)
        path.enter(target)
        while let name = path.rest.popLast() {
            try checked(layer) { () throws(Damage) in try work.pass() }
            if path.step(name, in: tree) { continue }
            guard let child = tree.child(of: path.node, named: name) else { return nil }
            if tree.nodes[child].type == .symbolicLink, !path.rest.isEmpty {
                try enter(child, &path, layer)
            } else if tree.nodes[child].type == .directory {
                path.node = child
            } else {
                guard path.rest.isEmpty else { return nil }
                tree.nodes[child].flags.insert(.linked)
                return tree.nodes[child]
            }
        }
        return nil
    }
}

extension LayerMerge {
    private static let linkLimit = 40

    /// Returns the directory that a link leads to, if there is one.
    mutating func lead(_ link: FileTree.NodeID, _ layer: UInt16) throws(Failure) -> FileTree.NodeID? {
        var path = MergedPath(at: Int(tree.nodes[link].parent))
        try enter(link, &path, layer)
        while let name = path.rest.popLast() {
            try checked(layer) { () throws(Damage) in try work.pass() }
            if path.step(name, in: tree) { continue }
            guard try enter(name, &path, layer) else { return nil }
        }
        return path.node
    }

    /// Returns the directory that a link leads to, and makes missing directories with the attributes of
    /// `inode`. Returns nil if the layer itself has a file on the way: that file came later in the archive
    /// and has replaced the link's target.
    mutating func lead(
        _ link: FileTree.NodeID, making inode: UInt64, _ layer: UInt16
    ) throws(Failure) -> FileTree.NodeID? {
        var path = MergedPath(at: Int(tree.nodes[link].parent))
        try enter(link, &path, layer)
        while let name = path.rest.popLast() {
            try checked(layer) { () throws(Damage) in try work.pass() }
            if path.step(name, in: tree) { continue }
            if try enter(name, &path, layer) { continue }
            if let file = tree.child(of: path.node, named: name), tree.nodes[file].layer == layer {
                return nil
            }
            path.node = try insert(name, in: path.node, .directory, inode, layer)
        }
        return path.node
    }

    /// Enters the directory `name`, or follows the link of that name. Returns false if there is neither.
    private func enter(_ name: [UInt8], _ path: inout MergedPath, _ layer: UInt16) throws(Failure) -> Bool {
        guard let child = tree.child(of: path.node, named: name) else { return false }
        switch tree.nodes[child].type {
        case .directory: path.node = child
        case .symbolicLink: try enter(child, &path, layer)
        default: return false
        }
        return true
    }

    /// Puts the target of `link` before the rest of the path.
    private func enter(
        _ link: FileTree.NodeID, _ path: inout MergedPath, _ layer: UInt16
    ) throws(Failure) {
        path.linkCount += 1
        guard path.linkCount <= Self.linkLimit else {
            let text = PrintableBytes(tree.path(of: link))
            throw refused("too many symbolic links, the last one is \(text)", layer)
        }
        let reader = layers[Int(tree.nodes[link].layer)]
        let inode = tree.nodes[link].inode
        path.enter(try reader.checked { () throws(Damage) in try reader.target(of: try reader.inode(inode)) })
    }
}

/// A place in the merged tree, and the names still to be resolved from there.
private struct MergedPath {
    var node: FileTree.NodeID
    /// The names still to be resolved; the next one is the last element.
    var rest: [[UInt8]] = []
    var linkCount = 0

    init(at node: FileTree.NodeID) {
        self.node = node
    }

    mutating func enter(_ target: [UInt8]) {
        if target.first == UInt8(ascii: "/") { node = FileTree.root }
        rest += target.split(separator: UInt8(ascii: "/")).map(Array.init).reversed()
    }

    /// Resolves `.` and `..`, which are no nodes. Returns false for other names.
    mutating func step(_ name: [UInt8], in tree: FileTree) -> Bool {
        let dot = UInt8(ascii: ".")
        if name == [dot] { return true }
        guard name == [dot, dot] else { return false }
        node = Int(tree.nodes[node].parent)
        return true
    }
}
