/// What an image runs on (OCI image 1.1, image-index.md, `platform`).
struct Platform: Hashable, CustomStringConvertible {
    var system: String
    var architecture: String
    var variant = ""

    /// What this monitor's machines are.
    static let wanted = Platform(system: "linux", architecture: "amd64")

    /// Every x86-64 CPU runs `v1`; later variants ask for more.
    var isWanted: Bool {
        system == Self.wanted.system && architecture == Self.wanted.architecture
            && (variant.isEmpty || variant == "v1")
    }

    var description: String { "\(system)/\(architecture)" + (variant.isEmpty ? "" : "/\(variant)") }
}
