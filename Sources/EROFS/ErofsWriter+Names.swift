import Host
import Layers

/// A layer's description of a directory.
struct LayerDirectory {
    /// The mode, owner, time and attributes, without the path. nil if the layer does not describe the
    /// directory and only has entries in it.
    var entry: LayerEntry?
    /// Whether the entries of lower layers are hidden.
    var isOpaque = false
    /// Whether the attributes of the lower layers' directory apply, if there is one.
    var isImplicit = true
    /// Whether the layer has only whiteouts in it: then the directory exists only if a lower layer has it.
    var isHollow = true
}

extension ErofsWriter {
    /// The limit on links in one path, from which on it counts as a loop; the same as Linux's.
    private static let linkLimit = 40

    func directoryIndex(of node: FileTree.NodeID) -> Int { Int(tree.nodes[node].inode) }

    func addDirectory(_ entry: LayerEntry) throws(Failure) {
        let index: Int
        if let name = entry.path.names.last {
            let parent = try directory(at: entry.path.names.dropLast())
            index = directoryIndex(of: try directory(named: name, in: parent, isHollow: false))
        } else {
            index = 0
        }
        // The tree has the path. A path has up to 2,048 names, each with its own memory.
        try checked { () throws(Damage) in try tree.spend(entry.attributes.keptByteCount) }
        var kept = entry
        kept.path = .root
        directories[index].entry = kept
        directories[index].isImplicit = false
    }

    /// Adds a whiteout, which hides lower layers only: entries of this layer stay, whether they come before
    /// or after it.
    func addWhiteout(_ entry: LayerEntry) throws(Failure) {
        guard let name = entry.path.names.last else { throw refused("the root cannot be removed") }
        guard let parent = try hollowDirectory(at: entry.path.names.dropLast()) else { return }
        if let there = tree.child(of: parent, named: name) {
            guard tree.nodes[there].type == .directory else { return }
            let index = directoryIndex(of: there)
            if !directories[index].isHollow {
                directories[index].isOpaque = true
                directories[index].isImplicit = false
                return
            }
        }
        let node = try checked { () throws(Damage) in
            try tree.insert(name, in: parent, .characterDevice, inode: 0, flags: .whiteout)
        }
        let inode = Inode(entry, .characterDevice, byteCount: 0, layout: .plain, attributeByteCount: 0)
        try write(inode, [], [], at: node)
        hasWhiteouts = true
    }

    /// Adds an opaque marker, which hides the entries of lower layers in the directory, but not the
    /// directory.
    func addOpaque(_ entry: LayerEntry) throws(Failure) {
        guard let node = try hollowDirectory(at: entry.path.names) else { return }
        directories[directoryIndex(of: node)].isOpaque = true
    }

    func addHardLink(_ entry: LayerEntry, to target: LayerPath) throws(Failure) {
        guard let name = entry.path.names.last else { throw refused("the root is a directory") }
        let parent = try directory(at: entry.path.names.dropLast())
        work.add(nameCount: target.names.count)
        switch try find(target) {
        case .missing(let path): try addRedirect(entry, to: path)
        case .found(let node) where tree.nodes[node].type == .directory:
            throw refused("it is a hard link to a directory")
        case .found(let node) where node == tree.child(of: parent, named: name): return
        case .found(let node):
            tree.nodes[node].flags.insert(.linked)
            let (type, inode) = (tree.nodes[node].type, tree.nodes[node].inode)
            let link = try checked { () throws(Damage) in
                try tree.insert(name, in: parent, type, inode: inode, flags: .linked)
            }
            if type == .symbolicLink { tree.keep(target: Array(tree.target(of: node))) }
            precondition(link > node, "a link comes behind its target")
        }
    }

    /// Adds a link to a file of a lower layer. That file has the metadata, so none of the entry is kept.
    private func addRedirect(_ entry: LayerEntry, to path: [UInt8]) throws(Failure) {
        let attributes = [
            ExtendedAttribute(name: Erofs.Overlay.metacopy, value: []),
            ExtendedAttribute(name: Erofs.Overlay.redirect, value: path),
        ]
        let body = try checked { () throws(Damage) in try AttributeBody.encode(attributes).bytes }
        let node = try insert(entry.path, .regular)
        let inode = Inode(
            entry, .regular, byteCount: 0, layout: .plain, attributeByteCount: body.count)
        try write(inode, body, [], at: node)
        hasRedirects = true
    }

    /// Adds a node at `path` and replaces the existing one.
    func insert(
        _ path: LayerPath, _ type: FileType, flags: FileTree.Flags = []
    ) throws(Failure) -> FileTree.NodeID {
        guard let name = path.names.last else { throw refused("the root has to be a directory") }
        let parent = try directory(at: path.names.dropLast())
        return try checked { () throws(Damage) in
            try tree.insert(name, in: parent, type, inode: 0, flags: flags)
        }
    }
}

extension ErofsWriter {
    /// A walk along a path: the current node, and the names still to be resolved, the next one last.
    private struct Walk {
        var node = FileTree.root
        var rest: [[UInt8]]
        /// The number of symbolic links followed.
        var linkCount = 0

        init(_ names: some Collection<[UInt8]>) { rest = names.reversed() }
    }

    /// Returns the directory at `names`, and makes missing ones. Follows symbolic links of this layer inside
    /// the layer; those of lower layers are followed when layers are merged.
    func directory(at names: some Collection<[UInt8]>) throws(Failure) -> FileTree.NodeID {
        var walk = Walk(names)
        while let name = try nextName(&walk) {
            walk.node = try directory(named: name, in: walk.node, isHollow: false)
        }
        return walk.node
    }

    /// Returns the directory at `names` for a whiteout. Directories made on the way are hollow: they exist
    /// only if a lower layer has them. Returns nil if another file of the layer on the way already hides the
    /// place.
    private func hollowDirectory(at names: some Collection<[UInt8]>) throws(Failure) -> FileTree.NodeID? {
        var walk = Walk(names)
        while let name = try nextName(&walk) {
            if let child = tree.child(of: walk.node, named: name), tree.nodes[child].type != .directory {
                return nil
            }
            walk.node = try directory(named: name, in: walk.node, isHollow: true)
        }
        return walk.node
    }

    /// Resolves `.`, `..` and links, and returns the next name that needs a directory; nil at the end.
    private func nextName(_ walk: inout Walk) throws(Failure) -> [UInt8]? {
        while let name = walk.rest.popLast() {
            try checked { () throws(Damage) in try work.pass() }
            if let step = step(name, from: walk.node) {
                walk.node = step
            } else if let link = link(named: name, in: walk.node) {
                try follow(link, &walk)
            } else {
                return name
            }
        }
        return nil
    }

    private func link(named name: [UInt8], in node: FileTree.NodeID) -> FileTree.NodeID? {
        guard let child = tree.child(of: node, named: name) else { return nil }
        return tree.nodes[child].type == .symbolicLink ? child : nil
    }

    private func step(_ name: [UInt8], from node: FileTree.NodeID) -> FileTree.NodeID? {
        switch name {
        case [], [UInt8(ascii: ".")]: node
        case [UInt8(ascii: "."), UInt8(ascii: ".")]: Int(tree.nodes[node].parent)
        default: nil
        }
    }

    private func follow(_ link: FileTree.NodeID, _ walk: inout Walk) throws(Failure) {
        walk.linkCount += 1
        guard walk.linkCount <= Self.linkLimit else {
            throw refused("too many symbolic links on the way to it")
        }
        let target = tree.target(of: link)
        if target.first == UInt8(ascii: "/") { walk.node = FileTree.root }
        walk.rest += target.split(separator: UInt8(ascii: "/")).reversed().map(Array.init)
    }

    /// Returns the directory `name` in `parent`: the existing one, or a new one that replaces any other file.
    private func directory(
        named name: [UInt8], in parent: FileTree.NodeID, isHollow: Bool
    ) throws(Failure) -> FileTree.NodeID {
        let there = tree.child(of: parent, named: name)
        if let there, tree.nodes[there].type == .directory {
            if !isHollow { directories[directoryIndex(of: there)].isHollow = false }
            return there
        }
        guard name.count <= Erofs.longestName else { throw refused("a name in it has more than 255 bytes") }
        // The file that the layer had there before has hidden the lower layers' directory, if there is one.
        directories.append(
            LayerDirectory(isOpaque: there != nil, isImplicit: there == nil, isHollow: isHollow))
        let index = UInt64(directories.count - 1)
        return try checked { () throws(Damage) in try tree.insert(name, in: parent, .directory, inode: index)
        }
    }

    private enum Found {
        case found(FileTree.NodeID)
        /// The layer has no such file. `path` is its path in the lower layers.
        case missing(path: [UInt8])
    }

    /// Looks for a file without making directories. Does not follow a link at the end.
    private func find(_ path: LayerPath) throws(Failure) -> Found {
        var walk = Walk(path.names)
        while let name = walk.rest.popLast() {
            try checked { () throws(Damage) in try work.pass() }
            if let step = step(name, from: walk.node) {
                walk.node = step
                continue
            }
            guard let child = tree.child(of: walk.node, named: name),
                !tree.nodes[child].flags.contains(.whiteout)
            else {
                return .missing(path: try redirect(from: walk.node, over: [name] + walk.rest.reversed()))
            }
            switch tree.nodes[child].type {
            case .directory where walk.rest.isEmpty && directories[directoryIndex(of: child)].isImplicit:
                // Only the layers below can tell what this is.
                return .missing(path: try redirect(from: child, over: []))
            case .directory: walk.node = child
            case .symbolicLink where !walk.rest.isEmpty: try follow(child, &walk)
            default:
                guard walk.rest.isEmpty else { throw refused("it is a hard link to something below a file") }
                return .found(child)
            }
        }
        return .found(walk.node)
    }

    /// Returns the path of `names` below `node`. Refuses a path longer than PATH_MAX. The targets of links
    /// can put many names into one path, and every hard link to the file would store all of them.
    private func redirect(from node: FileTree.NodeID, over names: [[UInt8]]) throws(Failure) -> [UInt8] {
        guard var path = tree.path(of: node, atMost: LayerPath.byteLimit) else { throw tooLong }
        for name in names {
            guard path.count + name.count < LayerPath.byteLimit else { throw tooLong }
            path += [UInt8(ascii: "/")] + name
        }
        return path
    }

    private var tooLong: Failure {
        refused("its hard link leads through symbolic links to a path of more than 4,095 bytes")
    }
}
