@testable import Layers

/// What layers mean, done slowly: a dictionary of paths. It knows nothing of symbolic links on the way to a
/// file, so its layers have none.
struct ModelTree {
    /// A file that may have several names.
    final class File {
        var seen: SeenFile

        init(_ seen: SeenFile) {
            self.seen = seen
        }
    }

    private(set) var files: [String: File] = ["": File(SeenFile(mode: 0o040755))]

    init(_ layers: [TestLayer]) {
        for layer in layers { apply(layer) }
    }

    /// White-outs hide what lower layers have, wherever they are in the layer.
    private mutating func apply(_ layer: TestLayer) {
        let lower = files
        for item in layer.items {
            let path = item.entry.path.text
            switch item.entry.kind {
            case .whiteout: remove(path)
            case .opaque: removeChildren(of: path)
            default: break
            }
        }
        for item in layer.items { add(item, lower: lower) }
    }

    private mutating func add(_ item: TestLayer.Item, lower: [String: File]) {
        let path = item.entry.path.text
        switch item.entry.kind {
        case .whiteout, .opaque: return
        case .hardLink(let target):
            let file = files[target.text] ?? lower[target.text]
            if target.text != path { replace(path, by: file) }
        case .directory where files[path]?.seen.content == nil && files[path]?.isDirectory == true:
            files[path]?.seen = SeenFile(item)
        default: replace(path, by: File(SeenFile(item)))
        }
    }

    private mutating func replace(_ path: String, by file: File?) {
        makeParents(of: path)
        remove(path)
        files[path] = file
    }

    private mutating func makeParents(of path: String) {
        guard let slash = path.lastIndex(of: "/") else { return }
        let parent = String(path[..<slash])
        makeParents(of: parent)
        guard files[parent]?.isDirectory != true else { return }
        files[parent] = File(SeenFile(mode: 0o040755))
    }

    private mutating func remove(_ path: String) {
        removeChildren(of: path)
        files[path] = nil
    }

    private mutating func removeChildren(of path: String) {
        guard files[path]?.isDirectory == true else { return }
        for other in files.keys where other.hasPrefix(path + "/") { files[other] = nil }
    }

    func seen() -> SeenTree {
        var tree: SeenTree = [:]
        var groups: [ObjectIdentifier: [String]] = [:]
        for (path, file) in files {
            tree[path] = file.seen
            if !file.isDirectory { groups[ObjectIdentifier(file), default: []].append(path) }
        }
        for group in groups.values {
            for path in group { tree[path]?.linkCount = UInt32(group.count) }
        }
        tree.join(groups.values)
        return tree
    }
}

extension ModelTree.File {
    var isDirectory: Bool { seen.mode & 0o170000 == 0o040000 }
}

extension LayerPath {
    var text: String { names.map { "/" + String(decoding: $0, as: UTF8.self) }.joined() }
}

extension SeenFile {
    init(_ item: TestLayer.Item) {
        let entry = item.entry
        self.init(
            mode: entry.permissions, userID: entry.userID, groupID: entry.groupID, seconds: entry.seconds,
            nanoseconds: entry.nanoseconds,
            attributes: entry.attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) })
        switch entry.kind {
        case .file: (mode, content) = (mode | 0o100000, SeenContent(item.parts))
        case .directory: mode |= 0o040000
        case .symbolicLink(let target): (mode, self.target) = (0o120777, target)
        case .characterDevice(let major, let minor): (mode, device) = (mode | 0o020000, [major, minor])
        case .blockDevice(let major, let minor): (mode, device) = (mode | 0o060000, [major, minor])
        case .fifo: mode |= 0o010000
        case .socket: mode |= 0o140000
        case .hardLink, .whiteout, .opaque: break
        }
    }
}

extension SeenContent {
    init(_ parts: [TestLayer.Part]) {
        self.init()
        for part in parts {
            switch part {
            case .bytes(let bytes): unsafe bytes.withUnsafeBytes { unsafe append($0) }
            case .hole(let byteCount): append(zeroes: byteCount)
            }
        }
    }
}
