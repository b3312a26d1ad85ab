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
