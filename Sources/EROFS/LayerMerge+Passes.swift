import Host
import Layers

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
