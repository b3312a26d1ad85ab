/// The nodes that can be reached from the root, in the order in which inodes are written: a directory, the
/// files in it, and then each directory in it with everything below. A walk through the tree then reads
/// forward.
struct TreeListing {
    typealias NodeID = FileTree.NodeID

    /// The nodes in order. An inode with several names is listed once, at its first name.
    private(set) var order: [UInt32] = []
    /// The number of names of each inode that may have several, by its first name.
    private(set) var linkCounts: [NodeID: UInt32] = [:]
    /// The first name of each inode with several names.
    private var firstNames: [Identity: NodeID] = [:]

    private struct Identity: Hashable {
        let layer: UInt16
        let inode: UInt64

        init(_ node: FileTree.Node) {
            layer = node.layer
            inode = node.inode
        }
    }

    init(_ tree: FileTree, _ children: SortedChildren) {
        var waiting: [NodeID] = [FileTree.root]
        while let directory = waiting.popLast() {
            order.append(UInt32(directory))
            for child in children[directory].lazy.map(Int.init) where tree.nodes[child].type != .directory {
                list(child, tree)
            }
            for child in children[directory].reversed().lazy.map(Int.init)
            where tree.nodes[child].type == .directory {
                waiting.append(child)
            }
        }
    }

    private mutating func list(_ node: NodeID, _ tree: FileTree) {
        guard tree.nodes[node].flags.contains(.linked) else { return order.append(UInt32(node)) }
        let identity = Identity(tree.nodes[node])
        if let first = firstNames[identity] {
            linkCounts[first, default: 1] += 1
        } else {
            firstNames[identity] = node
            linkCounts[node] = 1
            order.append(UInt32(node))
        }
    }

    /// Returns the node that stands for the inode of `node`.
    func firstName(of node: NodeID, in tree: FileTree) -> NodeID {
        guard tree.nodes[node].flags.contains(.linked) else { return node }
        return firstNames[Identity(tree.nodes[node])] ?? node
    }
}
