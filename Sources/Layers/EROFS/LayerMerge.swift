import Host

/// The merged tree of an image's layers (OCI image 1.1, layer.md): what is on top counts, white-outs and opaque directories
/// hide what is below them and are gone themselves.
struct LayerMerge {
    private static let linkLimit = 40

    let layers: [ErofsReader]
    private let names: [String]
    /// A node's inode is the one of that number in its layer.
    private(set) var tree: FileTree

    /// Merges the images at `paths`, the lowest first.
    init(_ paths: [String]) throws(Failure) {
        names = paths
        layers = try paths.map { (path) throws(Failure) in try ErofsReader(files: [path]) }
        tree = FileTree(rootInode: Erofs.rootNode, layer: 0)
        for layer in layers.indices { try apply(layer) }
    }

    /// What is happening to one layer.
    private struct Step {
        let layer: UInt16
        let reader: ErofsReader
        var budget: MetadataBudget
        /// Inodes of the layer that stand for files of lower layers.
        var redirects: [UInt64: FileTree.Node] = [:]
        /// Directories of the layer to go through, and what they became.
        var waiting: [(directory: ErofsReader.Located, node: FileTree.NodeID)] = []

        init(_ reader: ErofsReader, _ layer: UInt16) {
            self.layer = layer
            self.reader = reader
            budget = MetadataBudget(byteCount: reader.map.byteCount)
        }
    }

    private mutating func apply(_ layer: Int) throws(Failure) {
        guard let number = UInt16(exactly: layer) else {
            throw Failure(.badInput, "cannot merge the layers", because: "there are more than 65,536")
        }
        var step = Step(layers[layer], number)
        try begin(&step)
        while let (directory, node) = step.waiting.popLast() {
            try step.reader.forEachEntry(of: directory) { (entry) throws(Failure) in
                try merge(entry, into: node, &step)
            }
        }
    }

    private mutating func begin(_ step: inout Step) throws(Failure) {
        let (root, attributes) = try step.reader.checked { () throws(Damage) in
            let root = try step.reader.inode(Erofs.rootNode)
            guard root.inode.type == .directory else { throw Damage("its root is no directory") }
            try step.budget.take(root)
            return (root, try step.reader.attributes(of: root))
        }
        if attributes.says(Erofs.Overlay.hasRedirects) { try findRedirects(&step) }
        let above = tree.nodes[FileTree.root]
        if attributes.says(Erofs.Overlay.opaque) {
            tree = FileTree(rootInode: above.inode, layer: above.layer)
        }
        if attributes.value(of: Erofs.Overlay.implicit) == nil {
            tree.nodes[FileTree.root].inode = root.number
            tree.nodes[FileTree.root].layer = step.layer
        }
        step.waiting.append((root, FileTree.root))
    }

    private mutating func merge(
        _ entry: ErofsReader.DirectoryEntry, into parent: FileTree.NodeID, _ step: inout Step
    ) throws(Failure) {
        let file = try step.reader.checked { () throws(Damage) in
            let file = try step.reader.inode(entry.node)
            guard file.inode.type == entry.type else { throw Damage("inode \(entry.node) has two types") }
            try step.budget.take(file)
            return file
        }
        if file.isWhiteout {
            return unsafe hide(entry.name, in: parent, from: step.layer)
        }
        if entry.type == .directory {
            let node = unsafe try mergeDirectory(file, entry.name, in: parent, step)
            if let node { step.waiting.append((file, node)) }
            return
        }
        if let target = step.redirects[file.number] {
            unsafe try insert(entry.name, in: parent, target.type, target.inode, target.layer, .linked)
        } else {
            let flags: FileTree.Flags = file.inode.linkCount > 1 ? .linked : []
            unsafe try insert(entry.name, in: parent, entry.type, file.number, step.layer, flags)
        }
    }

    /// Removes what lower layers have there.
    private mutating func hide(_ name: UnsafeRawBufferPointer, in parent: FileTree.NodeID, from layer: UInt16)
    {
        guard let there = unsafe tree.child(of: parent, named: name), tree.nodes[there].layer != layer else {
            return
        }
        tree.remove(there)
    }

    @discardableResult
    private mutating func insert(
        _ name: UnsafeRawBufferPointer, in parent: FileTree.NodeID, _ type: FileType, _ inode: UInt64,
        _ layer: UInt16, _ flags: FileTree.Flags = []
    ) throws(Failure) -> FileTree.NodeID {
        do throws(Damage) {
            return unsafe try tree.insert(name, in: parent, type, inode: inode, layer: layer, flags: flags)
        } catch {
            throw refused(error.reason, layer)
        }
    }

    private func refused(_ reason: String, _ layer: UInt16) -> Failure {
        Failure(.badInput, "cannot merge the layer \(names[Int(layer)])", because: reason)
    }
}

extension LayerMerge {
    /// What a directory of the layer becomes; nil if it has only white-outs, and lower layers have nothing to hide.
    private mutating func mergeDirectory(
        _ directory: ErofsReader.Located, _ name: UnsafeRawBufferPointer, in parent: FileTree.NodeID,
        _ step: Step
    ) throws(Failure) -> FileTree.NodeID? {
        let marks = try step.reader.checked { () throws(Damage) in try step.reader.attributes(of: directory) }
        let implicit = marks.value(of: Erofs.Overlay.implicit)
        let isHollow = implicit == Erofs.Overlay.hollow
        var there = unsafe tree.child(of: parent, named: name)
        if let link = there, implicit != nil, tree.nodes[link].type == .symbolicLink {
            // The layer has a file below a path on which a lower layer has a link: it goes where the link leads.
            there = try follow(link, making: isHollow ? nil : directory.number, step.layer)
        }
        guard let there, tree.nodes[there].type == .directory else {
            return isHollow
                ? nil : unsafe try insert(name, in: parent, .directory, directory.number, step.layer)
        }
        let node = marks.says(Erofs.Overlay.opaque) ? try emptied(there, step.layer) : there
        if implicit == nil {
            tree.nodes[node].inode = directory.number
            tree.nodes[node].layer = step.layer
        }
        return node
    }

    /// The directory without anything in it. What this layer has put there already stays.
    private mutating func emptied(_ node: FileTree.NodeID, _ layer: UInt16) throws(Failure) -> FileTree.NodeID
    {
        let old = tree.nodes[node]
        guard node != FileTree.root, old.layer != layer else { return node }
        return try insertDirectory(Array(tree.name(of: node)), in: Int(old.parent), old.inode, old.layer)
    }

    private mutating func insertDirectory(
        _ name: [UInt8], in parent: FileTree.NodeID, _ inode: UInt64, _ layer: UInt16
    ) throws(Failure) -> FileTree.NodeID {
        try unsafe name.span.bytes.withUnsafeBytes { (raw) throws(Failure) in
            unsafe try insert(raw, in: parent, .directory, inode, layer)
        }
    }

    /// The directory to which a link leads; what is missing on the way is made, with the attributes of inode `inode`, if
    /// there is one.
    private mutating func follow(
        _ link: FileTree.NodeID, making inode: UInt64?, _ layer: UInt16
    ) throws(Failure) -> FileTree.NodeID? {
        var path = MergedPath(at: Int(tree.nodes[link].parent))
        try enter(link, &path, layer)
        while let name = path.rest.popLast() {
            if path.step(name, in: tree) { continue }
            let child = tree.child(of: path.node, named: name)
            if let child, tree.nodes[child].type == .symbolicLink {
                try enter(child, &path, layer)
            } else if let child, tree.nodes[child].type == .directory {
                path.node = child
            } else {
                guard let inode else { return nil }
                path.node = try insertDirectory(name, in: path.node, inode, layer)
            }
        }
        return path.node
    }

    /// Puts the target of `link` in front of the rest of the path.
    private func enter(
        _ link: FileTree.NodeID, _ path: inout MergedPath, _ layer: UInt16
    ) throws(Failure) {
        path.linkCount += 1
        guard path.linkCount <= Self.linkLimit else {
            let text = String(decoding: tree.path(of: link), as: UTF8.self)
            throw refused("too many symbolic links, the last one is \(text)", layer)
        }
        let reader = layers[Int(tree.nodes[link].layer)]
        let inode = tree.nodes[link].inode
        let target = try reader.checked { () throws(Damage) in try reader.target(of: try reader.inode(inode))
        }
        path.enter(target)
    }
}

extension LayerMerge {
    /// Looks up the files of lower layers to which this layer has hard links, before it changes anything.
    private mutating func findRedirects(_ step: inout Step) throws(Failure) {
        let reader = step.reader
        var budget = MetadataBudget(byteCount: reader.map.byteCount)
        var waiting = [Erofs.rootNode]
        while let number = waiting.popLast() {
            let directory = try reader.checked { () throws(Damage) in
                let directory = try reader.inode(number)
                try budget.take(directory)
                return directory
            }
            try reader.forEachEntry(of: directory) { (entry) throws(Failure) in
                if entry.type == .directory { waiting.append(entry.node) }
                guard entry.type == .regular, let path = try redirect(entry.node, reader) else { return }
                step.redirects[entry.node] = try lowerFile(at: path, step.layer)
            }
        }
    }

    private func redirect(_ number: UInt64, _ reader: ErofsReader) throws(Failure) -> [UInt8]? {
        try reader.checked { () throws(Damage) in
            let file = try reader.inode(number)
            guard file.inode.byteCount == 0, file.inode.attributeByteCount > 0 else { return nil }
            return try reader.attributes(of: file).value(of: Erofs.Overlay.redirect)
        }
    }

    private mutating func lowerFile(at target: [UInt8], _ layer: UInt16) throws(Failure) -> FileTree.Node {
        var path = MergedPath(at: FileTree.root)
        path.enter(target)
        while let name = path.rest.popLast() {
            if path.step(name, in: tree) { continue }
            guard let child = tree.child(of: path.node, named: name) else { break }
            if tree.nodes[child].type == .symbolicLink, !path.rest.isEmpty {
                try enter(child, &path, layer)
            } else if tree.nodes[child].type == .directory {
                path.node = child
            } else if path.rest.isEmpty {
                tree.nodes[child].flags.insert(.linked)
                return tree.nodes[child]
            } else {
                break
            }
        }
        let text = String(decoding: target, as: UTF8.self)
        throw refused(
            "it has a hard link to \(text), and there is no such file in the layers below it", layer)
    }
}

/// A place in the merged tree, and the names that are still to go from there.
private struct MergedPath {
    var node: FileTree.NodeID
    /// The next name is the last one.
    var rest: [[UInt8]] = []
    var linkCount = 0

    init(at node: FileTree.NodeID) {
        self.node = node
    }

    mutating func enter(_ target: [UInt8]) {
        if target.first == UInt8(ascii: "/") { node = FileTree.root }
        rest += target.split(separator: UInt8(ascii: "/")).map(Array.init).reversed()
    }

    /// Whether the name was `.` or `..`, which are no nodes.
    mutating func step(_ name: [UInt8], in tree: FileTree) -> Bool {
        let dot = UInt8(ascii: ".")
        if name == [dot] { return true }
        guard name == [dot, dot] else { return false }
        node = Int(tree.nodes[node].parent)
        return true
    }
}

extension ErofsReader.Located {
    /// A character device 0:0, as overlayfs has them.
    var isWhiteout: Bool { inode.type == .characterDevice && inode.place == 0 }
}
