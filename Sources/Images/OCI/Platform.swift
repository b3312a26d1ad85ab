import CHost
import Host

/// What an image runs on (OCI image 1.1, image-index.md, `platform`).
struct Platform: Hashable, CustomStringConvertible {
    var system: String
    var architecture: String
    var variant = ""
    /// Features that the image needs of its system (`os.features`).
    var features: [String] = []

    /// What this monitor's machines are.
    static let wanted = Platform(system: "linux", architecture: "amd64")

    /// The variants that the CPU of this host runs: `v1` up to this one.
    static let hostLevel = Int(chost_x86_64_level())

    init(system: String, architecture: String, variant: String = "", features: [String] = []) {
        self.system = system.lowercased()
        let name = architecture.lowercased()
        self.architecture = name == "x86_64" || name == "x86-64" ? "amd64" : name
        self.variant = variant.lowercased()
        self.features = features
    }

    /// Attestations and other artifacts say "unknown/unknown".
    var isUnknown: Bool { system == "unknown" }

    /// Whether nothing is said; some tools leave the platform out.
    var isEmpty: Bool { system.isEmpty && architecture.isEmpty }

    /// Rates the image for a CPU of `level`: the number of its variant (every CPU runs `v1`), 0 if it says nothing, nil if it
    /// does not run there.
    func fit(level: Int) -> Int? {
        guard system.isEmpty || system == Self.wanted.system, features.isEmpty,
            architecture.isEmpty || architecture == Self.wanted.architecture
        else { return nil }
        if isEmpty, variant.isEmpty { return 0 }
        guard !variant.isEmpty else { return 1 }
        guard let found = ["v1", "v2", "v3", "v4"].firstIndex(of: variant), found < level else { return nil }
        return found + 1
    }

    /// `linux/amd64/v3`.
    var description: String {
        let needs = features.isEmpty ? "" : " with \(features.joined(separator: " and "))"
        return "\(system)/\(architecture)" + (variant.isEmpty ? "" : "/\(variant)") + needs
    }
}

extension Platform {
    init(_ field: JSONField) throws(Failure) {
        self.init(
            system: try field.member("os").text() ?? "",
            architecture: try field.member("architecture").text() ?? "",
            variant: try field.member("variant").text() ?? "",
            features: try field.member("os.features").texts())
    }
}
