/// The type of a blob (OCI image 1.1, media-types.md; distribution, Image Manifest Version 2, Schema 2).
enum MediaType: Hashable {
    /// A list of manifests.
    case index
    case manifest
    case configuration
    /// A type without information. Docker 1.10 pushed configurations as `application/octet-stream`, and
    /// registries changed types.
    case unspecific
    /// A tar with any compression. Its first bytes show the compression more reliably than the type, which
    /// many tools write.
    case layer
    /// A layer that must be fetched from another place.
    case foreignLayer
    /// A manifest from before images had digests.
    case schema1
    case other

    init(_ text: String) {
        switch text {
        case "application/vnd.oci.image.index.v1+json",
            "application/vnd.docker.distribution.manifest.list.v2+json":
            self = .index
        case "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.docker.distribution.manifest.v2+json":
            self = .manifest
        case "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json":
            self = .configuration
        case "application/vnd.docker.distribution.manifest.v1+json",
            "application/vnd.docker.distribution.manifest.v1+prettyjws":
            self = .schema1
        case "", "application/octet-stream", "application/json", "text/html": self = .unspecific
        default: self = Self.layer(text)
        }
    }

    var isLayer: Bool { self == .layer || self == .foreignLayer }

    private static func layer(_ text: String) -> MediaType {
        let packings = ["", "+gzip", "+zstd", ".gzip", ".zstd"]
        for (stem, kind) in [
            ("application/vnd.oci.image.layer.v1.tar", MediaType.layer),
            ("application/vnd.docker.image.rootfs.diff.tar", .layer),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar", .foreignLayer),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar", .foreignLayer),
        ] where text.hasPrefix(stem) && packings.contains(String(text.dropFirst(stem.count))) {
            return kind
        }
        return .other
    }
}
