import Host
import Layers

/// Finds the image in what `docker save` writes: a `manifest.json` that names the configuration and the layers' tars.
struct DockerArchiveSource {
    let files: SourceFiles

    /// The image that is called `name` there; without a name the only one.
    func image(name: String?) throws(Failure) -> SourceImage {
        let all = try files.json("manifest.json", as: "manifest").elements()
        var found: [(field: JSONField, names: [String])] = []
        for field in all { found.append((field, try field.member("RepoTags").texts())) }
        let chosen = found.filter { name == nil || $0.names.contains(name ?? "") || matches(name, $0.names) }
        guard let first = chosen.first else { throw missing(name, found.flatMap(\.names)) }
        guard chosen.count == 1 else {
            let tags = found.flatMap(\.names).prefix(12).joined(separator: ", ").printable
            throw files.refused("it has several images: \(tags)", cure: "Say which: \(files.path):NAME")
        }
        return try image(first.field, first.names)
    }

    /// `alpine` is `docker.io/library/alpine:latest`.
    private func matches(_ name: String?, _ names: [String]) -> Bool {
        guard let wanted = name.flatMap({ try? RegistryReference(parsing: $0) }) else { return false }
        return names.contains { (try? RegistryReference(parsing: $0)) == wanted }
    }

    private func missing(_ name: String?, _ names: [String]) -> Failure {
        let cure = names.isEmpty ? nil : "It has \(names.prefix(12).joined(separator: ", ").printable)."
        guard let name else { return files.refused("there is no image in it") }
        return Failure(
            .missingInput, files.complaint, because: "it has no image called \(name.printable)", cure: cure)
    }

    private func image(_ field: JSONField, _ names: [String]) throws(Failure) -> SourceImage {
        let configField = try field.member("Config")
        let configName = try configField.required(try configField.text())
        let configuration = try files.configuration(named: configName)
        // It is called by its digest: "HEX.json", or "blobs/sha256/HEX".
        let stem = configName.split(separator: "/").last?.prefix { $0 != "." } ?? ""
        if let digest = Digest(hexadecimal: stem), digest != configuration.digest {
            throw files.refused("its configuration \(digest.short) has another digest than its name")
        }
        guard configuration.isForThisPlatform else {
            throw files.refused(
                "it is for \(configuration.platform.description.printable), and not for \(Platform.wanted)",
                cure: "Get the image for \(Platform.wanted).")
        }
        return SourceImage(
            configuration: configuration, layers: try layers(try field.member("Layers"), configuration),
            registryNames: names, files: files)
    }

    private func layers(
        _ field: JSONField, _ configuration: ConfigurationFile
    ) throws(Failure) -> [SourceImage.Layer] {
        let names = try field.texts()
        guard names.count <= Manifest.layerLimit else {
            throw files.refused("it has \(names.count) layers; \(Manifest.layerLimit) are the most")
        }
        guard names.count == configuration.layers.count else {
            throw files.refused(
                "its manifest has \(names.count) layers, its configuration \(configuration.layers.count)")
        }
        var layers: [SourceImage.Layer] = []
        for (name, digest) in zip(names, configuration.layers) {
            layers.append(
                SourceImage.Layer(
                    contentDigest: digest, blobDigest: nil, byteCount: try files.byteCount(of: name),
                    name: name))
        }
        return layers
    }
}
