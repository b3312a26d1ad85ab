import Layers

/// The names of a file system without the files: each node has its parent, its name and the place of its
/// inode.
///
/// A node costs 24 bytes, its name and a slot in a hash table. Children are sorted once, when all are known.
/// The memory is charged to a `TreeMemory`.
struct FileTree {
    typealias NodeID = Int

    struct Node {
        var parent: UInt32
        var nameStart: UInt32
        var inode: UInt64
        /// The layer that has the inode.
        var layer: UInt16
        var nameByteCount: UInt8
        var type: FileType
        var flags: Flags
    }

    struct Flags: OptionSet {
        let rawValue: UInt8

        /// The node was removed or replaced.
        static let gone = Flags(rawValue: 1)
        /// The node hides a file of lower layers.
        static let whiteout = Flags(rawValue: 2)
        /// The node's inode has, or had, another name.
        static let linked = Flags(rawValue: 4)
        /// The node can be found, but is not listed.
        static let hidden = Flags(rawValue: 8)
    }

    static let root: NodeID = 0

    /// The memory for a node: the node, its slots, and its places in the lists of the tree's writer.
    private static let nodeByteCount = 80
    /// The further memory for a directory, and for an inode with several names.
    private static let directoryByteCount = 256
    private static let linkByteCount = 64

    private let share: TreeMemoryShare
    /// The memory used beyond nodes and names.
    private var furtherByteCount = 0

    private(set) var names: [UInt8] = Array("...".utf8)
    var nodes: [Node] = []
    /// A hash table with open addressing: a node's number plus one, or zero.
    private var table: [UInt32] = Array(repeating: 0, count: 64)

    init(rootInode: UInt64, layer: UInt16, memory: TreeMemory = TreeMemory()) {
        share = TreeMemoryShare(of: memory)
        nodes.append(
            Node(
                parent: 0, nameStart: 0, inode: rootInode, layer: layer, nameByteCount: 0, type: .directory,
                flags: []))
    }

    func name(of node: NodeID) -> ArraySlice<UInt8> {
        let start = Int(nodes[node].nameStart)
        return names[start..<start + Int(nodes[node].nameByteCount)]
    }

    /// Returns the node of that name in `parent`, unless it is gone.
    func child(of parent: NodeID, named name: UnsafeRawBufferPointer) -> NodeID? {
        let entry = table[unsafe slot(parent, name)]
        guard entry > 0 else { return nil }
        let node = NodeID(entry - 1)
        return nodes[node].flags.contains(.gone) ? nil : node
    }

    func child(of parent: NodeID, named name: [UInt8]) -> NodeID? {
        unsafe name.withUnsafeBytes { unsafe child(of: parent, named: $0) }
    }

    /// Adds a node, and replaces an existing one of that name. Refuses a name that no directory can have:
    /// names come from paths, link targets and the host's file systems, and not all of these have been
    /// checked.
    mutating func insert(
        _ name: UnsafeRawBufferPointer, in parent: NodeID, _ type: FileType, inode: UInt64, layer: UInt16 = 0,
        flags: Flags = []
    ) throws(Damage) -> NodeID {
        guard unsafe Name.isValid(name), let nameByteCount = UInt8(exactly: name.count) else {
            throw Damage("a name on the way to it is empty, longer than 255 bytes, or not a valid name")
        }
        try spend(type == .directory ? Self.directoryByteCount : 0)
        try spend(flags.contains(.linked) ? Self.linkByteCount : 0)
        if (nodes.count + 1) * 2 > table.count { growTable() }
        guard let number = UInt32(exactly: nodes.count + 1), let nameStart = UInt32(exactly: names.count)
        else {
            throw .tooManyFiles
        }
        let slot = unsafe slot(parent, name)
        if table[slot] > 0 { nodes[Int(table[slot] - 1)].flags.insert(.gone) }
        table[slot] = number
        unsafe names.append(contentsOf: name)
        nodes.append(
            Node(
                parent: UInt32(parent), nameStart: nameStart, inode: inode, layer: layer,
                nameByteCount: nameByteCount, type: type, flags: flags))
        return nodes.count - 1
    }

    mutating func insert(
        _ name: [UInt8], in parent: NodeID, _ type: FileType, inode: UInt64, layer: UInt16 = 0,
        flags: Flags = []
    ) throws(Damage) -> NodeID {
        try unsafe name.span.bytes.withUnsafeBytes { (raw) throws(Damage) in
            unsafe try insert(raw, in: parent, type, inode: inode, layer: layer, flags: flags)
        }
    }

    /// Charges memory that is kept for the tree's files. Throws if the limit is exceeded.
    mutating func spend(_ byteCount: Int) throws(Damage) {
        furtherByteCount += byteCount
        guard share.grow(to: nodes.count * Self.nodeByteCount + names.count + furtherByteCount) else {
            throw .tooManyFiles
        }
    }

    /// Keeps the target of the symbolic link that was inserted last, behind its name.
    mutating func keep(target: [UInt8]) {
        names.append(UInt8(truncatingIfNeeded: target.count))
        names.append(UInt8(truncatingIfNeeded: target.count >> 8))
        names.append(contentsOf: target)
    }

    /// Returns the target that was kept for `node`.
    func target(of node: NodeID) -> ArraySlice<UInt8> {
        let start = Int(nodes[node].nameStart) + Int(nodes[node].nameByteCount)
        let byteCount = Int(names[start]) | Int(names[start + 1]) << 8
        return names[start + 2..<start + 2 + byteCount]
    }

    mutating func remove(_ node: NodeID) {
        nodes[node].flags.insert(.gone)
    }

    /// Returns the slot that has the name, or the empty one for it. Names come from strangers, so the hash is
    /// seeded with a secret.
    private func slot(_ parent: NodeID, _ name: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        hasher.combine(parent)
        unsafe hasher.combine(bytes: name)
        let mask = table.count - 1
        var slot = hasher.finalize() & mask
        while table[slot] > 0, unsafe !isNode(NodeID(table[slot] - 1), parent, name) {
            slot = (slot + 1) & mask
        }
        return slot
    }

    private func isNode(_ node: NodeID, _ parent: NodeID, _ name: UnsafeRawBufferPointer) -> Bool {
        guard nodes[node].parent == parent, Int(nodes[node].nameByteCount) == name.count, node > 0 else {
            return false
        }
        return unsafe names.withUnsafeBytes {
            unsafe Name.areEqual(name, $0.baseAddress! + Int(nodes[node].nameStart))
        }
    }

    private mutating func growTable() {
        table = Array(repeating: 0, count: table.count * 2)
        for node in nodes.indices.dropFirst() where isNewest(node) {
            let free = unsafe names.withUnsafeBytes {
                let start = Int(nodes[node].nameStart)
                let name = unsafe $0[start..<start + Int(nodes[node].nameByteCount)]
                return unsafe slot(Int(nodes[node].parent), UnsafeRawBufferPointer(rebasing: name))
            }
            table[free] = UInt32(node + 1)
        }
    }

    /// Whether the node is the newest of its name. Nodes that are gone need no slot.
    private func isNewest(_ node: NodeID) -> Bool {
        !nodes[node].flags.contains(.gone)
    }
}

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
