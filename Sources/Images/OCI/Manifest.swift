import Host

/// The manifest of an image, which lists its parts (OCI image 1.1, manifest.md).
struct Manifest {
    var configuration: Descriptor
    /// The layers, the lowest first.
    var layers: [Descriptor]

    /// The limit on the layers. It is higher than any tool's: they stop at 127.
    static let layerLimit = 512

    init(_ field: JSONField) throws(Failure) {
        let config = try field.member("config")
        if let why = try Self.reasonForNone(field) { throw field.document.refused(why) }
        configuration = try Descriptor(config)
        layers = []
        for element in try field.member("layers").elements() {
            layers.append(try Self.layer(element))
        }
        guard layers.count <= Self.layerLimit else {
            throw field.document.refused("it has \(layers.count) layers; the limit is \(Self.layerLimit)")
        }
    }

    /// Returns the reason why a manifest belongs to an artifact (an attestation, a signature, a chart); nil
    /// for an image's.
    static func reasonForNone(_ field: JSONField) throws(Failure) -> String? {
        let config = try field.member("config")
        guard config.value != nil else {
            return "\(field.document.subject) has no config, so it is not an image manifest"
        }
        let type = MediaType(try config.member("mediaType").text() ?? "")
        guard type == .configuration || type == .unspecific else {
            return "it is not a container image but another artifact"
        }
        var types: [String] = []
        for layer in try field.member("layers").elements() {
            types.append(try layer.member("mediaType").text() ?? "")
        }
        guard let first = types.first, types.allSatisfy({ !MediaType($0).isLayer }) else { return nil }
        return "its layers are of an unknown type, '\(first.brief)'"
    }

    private static func layer(_ field: JSONField) throws(Failure) -> Descriptor {
        let layer = try Descriptor(field)
        switch layer.mediaType {
        case .layer: return layer
        case .foreignLayer:
            throw field.document.refused(
                "its layer \(layer.digest.short) is foreign: it is not stored with the image")
        default:
            let type = try field.member("mediaType").text() ?? ""
            throw field.document.refused(
                "its layer \(layer.digest.short) is of an unknown type, '\(type.brief)'")
        }
    }
}
