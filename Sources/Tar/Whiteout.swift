import Layers

/// The files of the union file system aufs in old archives: names that begin with `.wh..wh.` in the root. As
/// for docker, they are no files of the image, but hard links lead to the files in `.wh..wh.plnk`.
enum AufsLeftover {
    case hidden
    case linkTarget

    private static let prefix = Array(".wh..wh.".utf8)
    private static let opaque = Array(".wh..wh..opq".utf8)
    private static let links = Array(".wh..wh.plnk".utf8)

    /// Recognizes the path of such a file. Returns nil for other paths.
    init?(_ path: LayerPath, isFile: Bool) {
        guard let first = path.names.first, first.starts(with: Self.prefix) else { return nil }
        if path.names == [Self.opaque] { return nil }
        self = isFile && first == Self.links && path.names.count == 2 ? .linkTarget : .hidden
    }
}

/// The meaning of a name that begins with `.wh.` (OCI image 1.1, layer.md, Whiteouts).
enum Whiteout: Hashable {
    case file(name: [UInt8])
    case opaque
    /// A name that aufs reserves.
    case foreign

    static let prefix = Array(".wh.".utf8)

    /// Interprets a name. Returns nil if the rest of the name cannot be the name of a file.
    init?(_ name: [UInt8]) {
        let rest = name.dropFirst(Self.prefix.count)
        switch rest {
        case _ where rest.elementsEqual(".wh..opq".utf8): self = .opaque
        case _ where rest.starts(with: Self.prefix): self = .foreign
        case _ where rest.isEmpty || rest.elementsEqual(".".utf8) || rest.elementsEqual("..".utf8): return nil
        default: self = .file(name: Array(rest))
        }
    }
}
