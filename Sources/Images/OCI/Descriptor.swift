import Host
public import Layers

/// A reference to a blob (OCI image 1.1, descriptor.md).
struct Descriptor: Hashable {
    var mediaType: MediaType
    var digest: Digest
    var byteCount: UInt64
    var platform: Platform?
    var annotations: [String: String] = [:]

    init(_ field: JSONField) throws(Failure) {
        let digestField = try field.member("digest")
        let text = try digestField.required(try digestField.text())
        guard let digest = Digest(text) else { throw digestField.wrong("a SHA-256 digest") }
        self.digest = digest
        let size = try field.member("size")
        byteCount = try size.required(try size.integer())
        mediaType = MediaType(try field.member("mediaType").text() ?? "")
        let platform = try field.member("platform")
        if platform.value != nil { self.platform = try Platform(platform) }
        for (name, value) in try field.member("annotations").object() {
            if case .string(let text) = value { annotations[name] = text }
        }
    }

    /// The image's name in this layout: a tag or a whole name.
    var referenceName: String? { annotations["org.opencontainers.image.ref.name"]?.orNil }

    /// The image's name in a registry, if the source states one.
    var registryName: String? {
        if let name = annotations["io.containerd.image.name"]?.orNil { return name }
        // A tag alone, which the specification allows, is no name.
        return referenceName.flatMap { $0.contains(":") || $0.contains("/") ? $0 : nil }
    }

    /// The name that distinguishes the image from the others of a layout: its complete name in a registry, or
    /// its tag.
    var imageName: String? {
        registryName.flatMap { try? RegistryReference(parsing: $0) }?.description ?? registryName
            ?? referenceName
    }
}

extension Digest {
    /// A prefix long enough to distinguish the digest from others.
    public var short: String { "sha256:" + hexadecimal.prefix(12) }
}
