import Host

/// The parts of an image (OCI image 1.1, manifest.md).
struct Manifest {
    var configuration: Descriptor
    /// The lowest first.
    var layers: [Descriptor]

    /// More than any tool makes: they stop at 127.
    static let layerLimit = 512

    init(_ field: JSONField) throws(Failure) {
        let config = try field.member("config")
        guard config.value != nil else {
            throw field.document.refused("\(field.document.subject) has no config: it is no image manifest")
        }
        configuration = try Descriptor(config)
        guard configuration.mediaType == .configuration else {
            throw field.document.refused(
                "it is no container image, but something else that was stored like one")
        }
        layers = []
        for element in try field.member("layers").elements() {
            layers.append(try Self.layer(element))
        }
        guard layers.count <= Self.layerLimit else {
            throw field.document.refused("it has \(layers.count) layers; \(Self.layerLimit) are the most")
        }
    }

    private static func layer(_ field: JSONField) throws(Failure) -> Descriptor {
        let layer = try Descriptor(field)
        switch layer.mediaType {
        case .layer: return layer
        case .foreignLayer:
            throw field.document.refused("its layer \(layer.digest.short) is foreign: not part of the image")
        default:
            let type = try field.member("mediaType").text() ?? ""
            throw field.document.refused(
                "its layer \(layer.digest.short) is of an unknown type, '\(type.printable)'")
        }
    }
}
