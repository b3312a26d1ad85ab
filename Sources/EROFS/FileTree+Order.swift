/// The children of all directories, those of each directory sorted by name.
struct SortedChildren {
    /// The index of each node's first child, and one past the last child at the end.
    private let starts: [UInt32]
    private let children: [UInt32]

    init(of tree: FileTree) {
        let starts = Self.starts(of: tree)
        var next = starts
        var children = [UInt32](repeating: 0, count: Int(starts[tree.nodes.count]))
        for node in tree.living {
            let parent = Int(tree.nodes[node].parent)
            children[Int(next[parent])] = UInt32(node)
            next[parent] += 1
        }
        for parent in tree.nodes.indices {
            let range = Int(starts[parent])..<Int(starts[parent + 1])
            if range.count > 1 { tree.sort(&children[range]) }
        }
        self.starts = starts
        self.children = children
    }

    private static func starts(of tree: FileTree) -> [UInt32] {
        var starts = [UInt32](repeating: 0, count: tree.nodes.count + 1)
        for node in tree.living { starts[Int(tree.nodes[node].parent) + 1] += 1 }
        for index in starts.indices.dropFirst() { starts[index] += starts[index - 1] }
        return starts
    }

    subscript(parent: FileTree.NodeID) -> ArraySlice<UInt32> {
        children[Int(starts[parent])..<Int(starts[parent + 1])]
    }
}

extension FileTree {
    /// All nodes except the root that are neither gone nor hidden themselves; a directory above them may be.
    fileprivate var living: some Sequence<NodeID> {
        nodes.indices.lazy.dropFirst().filter { nodes[$0].flags.isDisjoint(with: [.gone, .hidden]) }
    }

    fileprivate func sort(_ children: inout ArraySlice<UInt32>) {
        unsafe names.withUnsafeBytes { names in
            children.sort { unsafe Name.precedes(name(of: $0, in: names), name(of: $1, in: names)) }
        }
    }

    private func name(of node: UInt32, in names: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let start = Int(nodes[Int(node)].nameStart)
        return unsafe UnsafeRawBufferPointer(
            rebasing: names[start..<start + Int(nodes[Int(node)].nameByteCount)])
    }

    /// Returns the path of a node from the root, for messages and links.
    func path(of node: NodeID) -> [UInt8] { path(of: node, atMost: .max) ?? [] }

    /// Returns the path of a node from the root; nil if it has more than `limit` bytes.
    func path(of node: NodeID, atMost limit: Int) -> [UInt8]? {
        var byteCount = 0
        var parts: [ArraySlice<UInt8>] = []
        var current = node
        while current != Self.root {
            parts.append(name(of: current))
            byteCount += 1 + Int(nodes[current].nameByteCount)
            guard byteCount <= limit else { return nil }
            current = Int(nodes[current].parent)
        }
        return parts.reversed().reduce(into: []) { path, part in
            path.append(UInt8(ascii: "/"))
            path.append(contentsOf: part)
        }
    }
}
