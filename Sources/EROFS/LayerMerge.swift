import Host
import Layers

/// The merged tree of an image's layers (OCI image 1.1, layer.md). An upper layer's files replace those
/// below. Whiteouts and opaque markers hide the files below them and are not in the result themselves.
///
/// Each layer is walked twice: first it hides, then it adds. It therefore never hides its own files, wherever
/// its whiteouts are in its archive, and however many paths lead to a directory.
struct LayerMerge {
    let layers: [ErofsReader]
    private let names: [String]
    /// Throws if the work is to end.
    let check: () throws(Failure) -> Void
    /// The merged tree. A node's inode is the number of the inode in the node's layer.
    var tree: FileTree
    /// The allowance of names that paths may lead over.
    var work = PathWork()
    let budget: ImportBudget

    /// Merges the images at `paths`, the lowest first. Memory is charged to `budget`.
    init(
        _ paths: [String], budget: ImportBudget, check: @escaping () throws(Failure) -> Void
    ) throws(Failure) {
        names = paths
        self.budget = budget
        self.check = check
        layers = try paths.map { (path) throws(Failure) in try ErofsReader(files: [path]) }
        tree = FileTree(rootInode: Erofs.rootNode, layer: 0, memory: budget.memory)
        for index in layers.indices { try apply(index) }
    }

    private mutating func apply(_ index: Int) throws(Failure) {
        guard let number = UInt16(exactly: index) else {
            throw Failure(.badInput, "cannot merge the layers", because: "there are more than 65,536")
        }
        let layer = MergedLayer(reader: layers[index], number: number, check: check)
        let (root, marks) = try layer.root()
        var links = MergedLinks(memory: budget.memory)
        if marks.says(Erofs.Overlay.hasRedirects) { links = try findLinks(of: layer, root) }
        if marks.says(Erofs.Overlay.hasWhiteouts) {
            if marks.says(Erofs.Overlay.opaque) { removeAll() }
            try hide(layer, root)
        }
        if marks.value(of: Erofs.Overlay.implicit) == nil { describe(FileTree.root, root, layer) }
        try add(layer, root, &links)
        try addLate(links, layer)
    }

    /// Removes everything except the root.
    mutating func removeAll() {
        let root = tree.nodes[FileTree.root]
        tree = FileTree(rootInode: root.inode, layer: root.layer, memory: budget.memory)
    }

    /// Gives a directory the attributes that the layer has for it.
    mutating func describe(_ node: FileTree.NodeID, _ directory: ErofsReader.Located, _ layer: MergedLayer) {
        tree.nodes[node].inode = directory.number
        tree.nodes[node].layer = layer.number
    }

    @discardableResult
    mutating func insert(
        _ name: [UInt8], in parent: FileTree.NodeID, _ type: FileType, _ inode: UInt64, _ layer: UInt16,
        _ flags: FileTree.Flags = []
    ) throws(Failure) -> FileTree.NodeID {
        try checked(layer) { () throws(Damage) in
            try tree.insert(name, in: parent, type, inode: inode, layer: layer, flags: flags)
        }
    }

    func checked<Value>(_ layer: UInt16, _ body: () throws(Damage) -> Value) throws(Failure) -> Value {
        do throws(Damage) {
            return try body()
        } catch {
            throw refused(error.reason, layer)
        }
    }

    func refused(_ reason: String, _ layer: UInt16) -> Failure {
        Failure(.badInput, "cannot merge the layer \(names[Int(layer)])", because: reason)
    }
}

/// One of the layers while it is merged.
struct MergedLayer {
    let reader: ErofsReader
    let number: UInt16
    let check: () throws(Failure) -> Void

    struct Entry {
        let name: [UInt8]
        let file: ErofsReader.Located
        let type: FileType
        /// The node in the merged tree of the directory that has the entry.
        let parent: FileTree.NodeID
    }

    func root() throws(Failure) -> (ErofsReader.Located, [ExtendedAttribute]) {
        try reader.checked { () throws(Damage) in
            let root = try reader.inode(Erofs.rootNode)
            guard root.inode.type == .directory else { throw Damage("its root is not a directory") }
            return (root, try reader.attributes(of: root))
        }
    }

    func marks(of file: ErofsReader.Located) throws(Failure) -> [ExtendedAttribute] {
        try reader.checked { () throws(Damage) in try reader.attributes(of: file) }
    }

    /// Calls `visit` with all files below `root`. For a directory, `visit` returns its node in the merged
    /// tree, or nil if the walk is to skip its contents.
    func walk(
        _ root: ErofsReader.Located, _ visit: (Entry) throws(Failure) -> FileTree.NodeID?
    ) throws(Failure) {
        var budget = MetadataBudget(byteCount: reader.map.byteCount)
        try reader.checked { () throws(Damage) in try budget.take(root) }
        var waiting = [(directory: root, node: FileTree.root)]
        while let (directory, node) = waiting.popLast() {
            try reader.forEachEntry(of: directory) { (entry) throws(Failure) in
                try check()
                let file = try reader.checked { () throws(Damage) in
                    let file = try reader.inode(entry.node)
                    guard file.inode.type == entry.type else {
                        throw Damage("inode \(entry.node) has two types")
                    }
                    try budget.take(file)
                    return file
                }
                let found = Entry(
                    name: unsafe Array(entry.name), file: file, type: entry.type, parent: node)
                if let child = try visit(found), entry.type == .directory { waiting.append((file, child)) }
            }
        }
    }
}

extension ErofsReader.Located {
    /// Whether the file is a whiteout: a character device 0:0, as for overlayfs.
    var isWhiteout: Bool { inode.type == .characterDevice && inode.place == 0 }
}

extension LayerMerge {
    /// Removes the files of lower layers that a layer hides.
    mutating func hide(_ layer: MergedLayer, _ root: ErofsReader.Located) throws(Failure) {
        try layer.walk(root) { (entry) throws(Failure) in
            work.add()
            if entry.file.isWhiteout {
                if let there = tree.child(of: entry.parent, named: entry.name) { tree.remove(there) }
                return nil
            }
            guard entry.type == .directory else { return nil }
            let marks = try layer.marks(of: entry.file)
            let isImplicit = marks.value(of: Erofs.Overlay.implicit) != nil
            guard let there = try lowerDirectory(entry, isImplicit: isImplicit, layer) else { return nil }
            guard marks.says(Erofs.Overlay.opaque) else { return there }
            try empty(there, keepingIt: isImplicit)
            return nil
        }
    }

    /// Returns the directory that the lower layers have in the place of `entry`. If the layer does not
    /// describe the directory and the lower layers have a link there, returns the directory that the link
    /// leads to.
    private mutating func lowerDirectory(
        _ entry: MergedLayer.Entry, isImplicit: Bool, _ layer: MergedLayer
    ) throws(Failure) -> FileTree.NodeID? {
        guard let there = tree.child(of: entry.parent, named: entry.name) else { return nil }
        switch tree.nodes[there].type {
        case .directory: return there
        case .symbolicLink where isImplicit: return try lead(there, layer.number)
        default: return nil
        }
    }

    private mutating func empty(_ node: FileTree.NodeID, keepingIt: Bool) throws(Failure) {
        guard node != FileTree.root else { return removeAll() }
        let old = tree.nodes[node]
        tree.remove(node)
        guard keepingIt else { return }
        let name = Array(tree.name(of: node))
        try insert(name, in: Int(old.parent), .directory, old.inode, old.layer)
    }
}

extension LayerMerge {
    /// Adds the entries of a layer. Links whose targets are missing wait in `links`.
    mutating func add(
        _ layer: MergedLayer, _ root: ErofsReader.Located, _ links: inout MergedLinks
    ) throws(Failure) {
        try layer.walk(root) { (entry) throws(Failure) in
            work.add()
            try checked(layer.number) { () throws(Damage) in try budget.addEntry() }
            if entry.file.isWhiteout { return nil }
            if entry.type == .directory { return try addDirectory(entry, layer) }
            switch links.targets[entry.file.number] {
            case nil:
                let flags: FileTree.Flags = entry.file.inode.linkCount > 1 ? .linked : []
                try insert(entry.name, in: entry.parent, entry.type, entry.file.number, layer.number, flags)
            case .found(let target):
                try insert(
                    entry.name, in: entry.parent, target.type, target.inode, target.layer, .linked)
            case .missing(let path):
                let link = MergedLinks.Late(name: entry.name, parent: entry.parent, target: path)
                try checked(layer.number) { () throws(Damage) in try links.add(link) }
            }
            return nil
        }
    }

    /// Adds a directory of the layer. Returns its node; nil if it has only whiteouts.
    private mutating func addDirectory(
        _ entry: MergedLayer.Entry, _ layer: MergedLayer
    ) throws(Failure) -> FileTree.NodeID? {
        let implicit = try layer.marks(of: entry.file).value(of: Erofs.Overlay.implicit)
        if implicit == Erofs.Overlay.hollow { return nil }
        var there = tree.child(of: entry.parent, named: entry.name)
        if let link = there, implicit != nil, tree.nodes[link].type == .symbolicLink {
            guard let led = try lead(link, making: entry.file.number, layer.number) else { return nil }
            there = led
        }
        guard let there, tree.nodes[there].type == .directory else {
            return try insert(entry.name, in: entry.parent, .directory, entry.file.number, layer.number)
        }
        if implicit == nil { describe(there, entry.file, layer) }
        return there
    }
}
