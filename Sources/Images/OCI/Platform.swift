import CHost
import Host

/// The platform that an image runs on (OCI image 1.1, image-index.md, `platform`).
struct Platform: Hashable, CustomStringConvertible {
    var system: String
    var architecture: String
    var variant = ""
    /// Features that the image needs of its system (`os.features`).
    var features: [String] = []

    /// The platform of this monitor's VMs.
    static let wanted = Platform(system: "linux", architecture: "amd64")

    /// The highest x86-64 variant that this host's CPU runs: 1 for `v1` and so on.
    static let hostLevel = Int(chost_x86_64_level())

    init(system: String, architecture: String, variant: String = "", features: [String] = []) {
        self.system = system.lowercased()
        let name = architecture.lowercased()
        self.architecture = name == "x86_64" || name == "x86-64" ? "amd64" : name
        self.variant = variant.lowercased()
        self.features = features
    }

    /// Whether the system is "unknown", as attestations and other artifacts state it.
    var isUnknown: Bool { system == "unknown" }

    /// Whether the platform is missing; some tools leave it out.
    var isEmpty: Bool { system.isEmpty && architecture.isEmpty }

    /// Rates the image for a CPU of `level`: the number of its variant (every CPU runs `v1`), 0 if it names
    /// no platform, nil if it does not run there.
    func fit(level: Int) -> Int? {
        guard system.isEmpty || system == Self.wanted.system, features.isEmpty,
            architecture.isEmpty || architecture == Self.wanted.architecture
        else { return nil }
        if isEmpty, variant.isEmpty { return 0 }
        guard !variant.isEmpty else { return 1 }
        guard let found = ["v1", "v2", "v3", "v4"].firstIndex(of: variant), found < level else { return nil }
        return found + 1
    }

    /// The platform as a text: `linux/amd64/v3`.
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
