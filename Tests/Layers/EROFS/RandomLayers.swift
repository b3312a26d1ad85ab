import TestSupport

@testable import Layers

/// Layers made of everything that archives have, from a seed.
struct RandomLayers {
    private var random: SplitMix64
    /// All paths that any layer has named, with those of directories first.
    private var directories = Choices([""])
    private var files = Choices([])
    /// The directories and files of the layer that is being made.
    private var named: Set<String> = []
    private var linkable = Choices([])

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func layer(itemCount: Int, isFirst: Bool) -> TestLayer {
        var layer = TestLayer()
        named = []
        linkable = Choices([])
        for _ in 0..<itemCount { addItem(to: &layer, isFirst: isFirst) }
        return layer
    }

    private mutating func addItem(to layer: inout TestLayer, isFirst: Bool) {
        switch number(below: 20) {
        case 0..<4: addDirectory(to: &layer)
        case 4 where !isFirst: addWhiteout(to: &layer)
        case 5 where !isFirst: layer.add(pick(directories), .opaque)
        case 6: addLink(to: &layer)
        case 7: add(to: &layer, .symbolicLink(target: bytes(1 + number(below: 60))))
        case 8: add(to: &layer, special())
        default: addFile(to: &layer)
        }
    }

    private mutating func special() -> LayerEntry.Kind {
        switch number(below: 4) {
        case 0:
            .characterDevice(major: UInt32(1 + number(below: 4095)), minor: UInt32(number(below: 1 << 20)))
        case 1: .blockDevice(major: UInt32(number(below: 4096)), minor: UInt32(number(below: 1 << 20)))
        case 2: .fifo
        default: .socket
        }
    }

    private mutating func addDirectory(to layer: inout TestLayer) {
        let path = number(below: 4) == 0 ? pick(directories) : newPath()
        // A file of this layer does not become a directory again: the model would have to know more for that.
        guard !linkable.contains(path), !files.contains(path) else { return }
        var entry = attributes()
        entry.kind = .directory
        entry.path = .test(path)
        // The root's have less room.
        if path.isEmpty { entry.attributes.removeAll { $0.value.count > 1000 } }
        layer.items.append(TestLayer.Item(entry: entry))
        directories.insert(path)
        named.insert(path)
    }

    private mutating func addWhiteout(to layer: inout TestLayer) {
        let path = number(below: 2) == 0 ? pick(directories) : (files.list.isEmpty ? "" : pick(files))
        guard !path.isEmpty, !named.contains(where: { $0 == path || $0.hasPrefix(path + "/") }) else {
            return
        }
        layer.add(path, .whiteout)
    }

    private mutating func addLink(to layer: inout TestLayer) {
        guard !linkable.list.isEmpty else { return }
        let target = pick(linkable)
        add(to: &layer, .hardLink(to: .test(target)))
    }

    private mutating func addFile(to layer: inout TestLayer) {
        let bytes = bytes(size())
        var parts: [TestLayer.Part] = [.bytes(bytes)]
        if number(below: 10) == 0 {
            parts = [.bytes(bytes), .hole(UInt64(number(below: 400_000))), .bytes(self.bytes(size()))]
        }
        add(to: &layer, .file(byteCount: parts.reduce(0) { $0 + $1.byteCount }), parts)
    }

    private mutating func size() -> Int {
        switch number(below: 8) {
        case 0: 0
        case 1: 2040 + number(below: 20)
        case 2: 4096 * (1 + number(below: 3)) - 1 + number(below: 3)
        case 3: number(below: 20_000)
        default: number(below: 300)
        }
    }

    private mutating func add(
        to layer: inout TestLayer, _ kind: LayerEntry.Kind, _ parts: [TestLayer.Part] = []
    ) {
        let reused = number(below: 5) == 0 && !files.list.isEmpty
        let path = reused ? pick(files) : newPath()
        guard !directories.contains(path) else { return }
        var entry = attributes()
        entry.kind = kind
        entry.path = .test(path)
        layer.items.append(TestLayer.Item(entry: entry, parts: parts))
        files.insert(path)
        linkable.insert(path)
        named.insert(path)
    }

    private mutating func newPath() -> String {
        let parent = pick(directories)
        let length = number(below: 12) == 0 ? 200 + number(below: 56) : 1 + number(below: 12)
        let letters = Array("!#+-.019AZ_az~")
        let name = String((0..<length).map { _ in letters[number(below: letters.count)] })
        return parent + "/" + (name == "." || name == ".." ? "dots" : name)
    }

    private mutating func attributes() -> LayerEntry {
        var entry = LayerEntry(path: .root, kind: .directory, permissions: UInt16(number(below: 0o10000)))
        entry.userID = number(below: 3) == 0 ? UInt32(number(below: 1 << 32 - 1)) : 0
        entry.groupID = number(below: 3) == 0 ? UInt32(number(below: 200_000)) : 0
        entry.seconds = number(below: 2) == 0 ? 1_700_000_000 : Int64(number(below: 1 << 34)) - (1 << 32)
        entry.nanoseconds = number(below: 4) == 0 ? UInt32(number(below: 1_000_000_000)) : 0
        guard number(below: 8) == 0 else { return entry }
        let names = ["user.a", "user.comment", "trusted.x", "security.capability", "security.y"]
        entry.attributes = names.filter { _ in number(below: 2) == 0 }.map {
            let isCapability = $0 == "security.capability"
            // The kernel reads capabilities, so these have to be some (struct vfs_cap_data, revision 2).
            let value =
                isCapability
                ? [1, 0, 0, 2] + bytes(4) + Array(repeating: 0, count: 12)
                : bytes(number(below: 10) == 0 ? 3000 : 20)
            return ExtendedAttribute(name: Array($0.utf8), value: value)
        }
        return entry
    }

    private mutating func bytes(_ count: Int) -> [UInt8] {
        let pattern = (0..<min(count, 24)).map { _ in UInt8(1 + number(below: 255)) }
        var bytes: [UInt8] = []
        while bytes.count < count { bytes.append(contentsOf: pattern.prefix(count - bytes.count)) }
        return bytes
    }

    private mutating func pick(_ choices: Choices) -> String {
        choices.list[number(below: choices.list.count)]
    }

    private mutating func number(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }
}

/// Paths to choose from.
private struct Choices {
    private(set) var list: [String]
    private var members: Set<String>

    init(_ list: [String]) {
        self.list = list
        members = Set(list)
    }

    func contains(_ path: String) -> Bool { members.contains(path) }

    mutating func insert(_ path: String) {
        if members.insert(path).inserted { list.append(path) }
    }
}
