/// What a name that begins with `.wh.` says (OCI image 1.1, layer.md, Whiteouts).
enum Whiteout: Hashable {
    case file(name: [UInt8])
    case opaque
    /// What aufs kept for itself.
    case foreign

    static let prefix = Array(".wh.".utf8)

    /// Nil where the rest of the name is none that a file can have.
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
