/// Why bytes are no path in a layer.
public enum LayerPathError: Error, Hashable, Sendable, CustomStringConvertible {
    case empty, climbs, zeroByte, longName, longPath

    /// What is wrong with it: "it climbs out of the layer with ..".
    public var description: String {
        switch self {
        case .empty: "it is empty"
        case .climbs: "it climbs out of the layer with \"..\""
        case .zeroByte: "there is a zero byte in it"
        case .longName: "a name in it is longer than \(LayerPath.nameLimit) bytes"
        case .longPath: "it is longer than \(LayerPath.byteLimit) bytes"
        }
    }
}

extension LayerPath {
    /// NAME_MAX.
    public static let nameLimit = 255
    /// PATH_MAX, less the zero byte that ends a path: what is longer cannot be opened by its path in the guest.
    public static let byteLimit = 4095

    /// Reads a path as archives write it. Where it begins does not matter ("a", "/a" and "./a" are the same), neither do empty
    /// names and `.`; but `..` is never needed to name a file and always refused.
    public init(_ bytes: some Collection<UInt8>) throws(LayerPathError) {
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= Self.byteLimit else { throw .longPath }
        guard !bytes.contains(0) else { throw .zeroByte }
        var names: [[UInt8]] = []
        for name in bytes.split(separator: UInt8(ascii: "/")) {
            guard name.count <= Self.nameLimit else { throw .longName }
            if name.elementsEqual(Self.here) { continue }
            guard !name.elementsEqual(Self.parent) else { throw .climbs }
            names.append(Array(name))
        }
        self.init(trusting: names)
    }

    private static let here = Array(".".utf8)
    private static let parent = Array("..".utf8)

    /// Reads a path that a user or a program wrote.
    public init(_ text: String) throws(LayerPathError) {
        try self.init(text.utf8)
    }

    /// The directory that it lies in; the root is its own.
    public var parent: LayerPath { LayerPath(trusting: names.dropLast()) }

    /// The path of a file in this directory; `name` is a file system's own.
    public func appending(_ name: [UInt8]) -> LayerPath { LayerPath(trusting: names + [name]) }

    /// How long it is with `/` between its names.
    public var byteCount: Int { names.reduce(max(0, names.count - 1)) { $0 + $1.count } }

    /// The names with `/` between them; empty for the root.
    public var bytes: [UInt8] { Array(names.joined(separator: [UInt8(ascii: "/")])) }
}

extension LayerPath: CustomStringConvertible {
    /// As a user may see it: what could confuse a terminal is escaped.
    public var description: String { PrintableBytes(bytes).description }
}
