import Host
import Layers

/// What a layer says of a directory.
struct LayerDirectory {
    /// Mode, owner, time and attributes, without the path; nil if the layer only has something in it.
    var entry: LayerEntry?
    /// What lower layers have in it is gone.
    var isOpaque = false
    /// Lower layers' attributes count, where they have any.
    var isImplicit = true
    /// The layer has nothing in it but white-outs: where lower layers have no such directory, there is none.
    var isHollow = true
}

extension ErofsWriter {
    /// Links followed in one path before it counts as a loop; as many as Linux allows.
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
        // The tree knows where it is; a path has up to 2,048 names, each with memory of its own.
        try checked { () throws(Damage) in try tree.spend(entry.attributes.keptByteCount) }
        var kept = entry
        kept.path = .root
        directories[index].entry = kept
        directories[index].isImplicit = false
    }

    /// A white-out only hides lower layers: what this layer has there stays, wherever in the layer it comes.
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

    /// An opaque marker hides what lower layers have in the directory, but not the directory.
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

    /// A link to a file of a lower layer: the file there is what counts, so nothing of the entry is kept.
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

    /// A new node at `path`, in place of what is there.
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
    /// A walk along a path: where it has come to, and the names that are yet to be passed, the next one last.
    private struct Walk {
        var node = FileTree.root
        var rest: [[UInt8]]
        /// How many symbolic links were followed.
        var linkCount = 0

        init(_ names: some Collection<[UInt8]>) { rest = names.reversed() }
    }

    /// The directory at `names`, made if need be. Symbolic links of this layer are followed, inside of it; those of lower
    /// layers when layers are merged.
    func directory(at names: some Collection<[UInt8]>) throws(Failure) -> FileTree.NodeID {
        var walk = Walk(names)
        while let name = try nextName(&walk) {
            walk.node = try directory(named: name, in: walk.node, isHollow: false)
        }
        return walk.node
    }

    /// The same for a white-out, which makes no directory where there is none below. Nil where there is nothing left to
    /// hide, because a directory on the way is hidden.
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

    /// Takes the steps that need no directory, and the next name that does; nil at the end.
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

    /// The directory `name` in `parent`: the one that is there, or a new one that hides whatever else was there.
    private func directory(
        named name: [UInt8], in parent: FileTree.NodeID, isHollow: Bool
    ) throws(Failure) -> FileTree.NodeID {
        let there = tree.child(of: parent, named: name)
        if let there, tree.nodes[there].type == .directory {
            if !isHollow { directories[directoryIndex(of: there)].isHollow = false }
            return there
        }
        guard name.count <= Erofs.longestName else { throw refused("a name in it has more than 255 bytes") }
        // What the layer has put there before has hidden the lower layers' directory, if there is one.
        directories.append(
            LayerDirectory(isOpaque: there != nil, isImplicit: there == nil, isHollow: isHollow))
        let index = UInt64(directories.count - 1)
        return try checked { () throws(Damage) in try tree.insert(name, in: parent, .directory, inode: index)
        }
    }

    private enum Found {
        case found(FileTree.NodeID)
        /// The layer has no such file; below, it would be at this path.
        case missing(path: [UInt8])
    }

    /// Looks for a file without making anything; a link at the end is not followed.
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
                // Only the layers below know what this is.
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

    /// The path of what lies over `names` below `node`. Refuses one that is longer than a path may be (PATH_MAX): links put as
    /// many names into a path as there is room for in their targets, and each link to the file would be stored with all of them.
    private func redirect(from node: FileTree.NodeID, over names: [[UInt8]]) throws(Failure) -> [UInt8] {
        guard var path = tree.path(of: node, atMost: LayerPath.byteLimit) else { throw tooLong }
        for name in names {
            guard path.count + name.count < LayerPath.byteLimit else { throw tooLong }
            path += [UInt8(ascii: "/")] + name
        }
        return path
    }

    private var tooLong: Failure {
        refused("by way of symbolic links it is a hard link to a path of more than 4,095 bytes")
    }
}
