/// A file's place in a layer: the names from the root. None is empty, `.` or `..`, has `/` or zero bytes, or
/// is longer than 255 bytes. The root has no names. Names are bytes, because file systems have no encoding.
public struct LayerPath: Hashable, Sendable {
    public let names: [[UInt8]]

    public static let root = LayerPath(trusting: [])

    public init(trusting names: [[UInt8]]) {
        self.names = names
    }
}

/// The reason why bytes are no path in a layer.
public enum LayerPathError: Error, Hashable, Sendable, CustomStringConvertible {
    case empty, climbs, zeroByte, longName, longPath

    /// The reason as a text: "it leaves the layer through ..".
    public var description: String {
        switch self {
        case .empty: "it is empty"
        case .climbs: "it leaves the layer through \"..\""
        case .zeroByte: "it contains a zero byte"
        case .longName: "a name in it is longer than \(LayerPath.nameLimit) bytes"
        case .longPath: "it is longer than \(LayerPath.byteLimit) bytes"
        }
    }
}

extension LayerPath {
    /// NAME_MAX.
    public static let nameLimit = 255
    /// PATH_MAX without the zero byte that ends a path. The guest could not open a file by a longer path.
    public static let byteLimit = 4095

    /// Reads a path as archives write it. Its start does not matter ("a", "/a" and "./a" are the same), nor
    /// do empty names and `.`. A `..` is never needed to name a file and is always refused.
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

    /// The directory that contains the file. The root's parent is the root.
    public var parent: LayerPath { LayerPath(trusting: names.dropLast()) }

    /// Returns the path of a file in this directory. `name` must be valid, such as a file system's.
    public func appending(_ name: [UInt8]) -> LayerPath { LayerPath(trusting: names + [name]) }

    /// The length of the path with `/` between its names.
    public var byteCount: Int { names.reduce(max(0, names.count - 1)) { $0 + $1.count } }

    /// The names with `/` between them; empty for the root.
    public var bytes: [UInt8] { Array(names.joined(separator: [UInt8(ascii: "/")])) }
}

extension LayerPath: CustomStringConvertible {
    /// The path for users. Characters that could confuse a terminal are escaped.
    public var description: String { PrintableBytes(bytes).description }
}
