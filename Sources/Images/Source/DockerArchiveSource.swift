import Host
import Layers

/// A reader of the archives of `docker save`: a `manifest.json` names the configuration and the layers' tars
/// of each image.
struct DockerArchiveSource {
    /// An image in the manifest. Entries with the same configuration are one image with several names.
    private struct Entry {
        var field: JSONField
        /// The file of the image's configuration: "HEX.json", "blobs/sha256/HEX" or "sha256:HEX".
        var configurationName: String
        var names: [String]

        /// The digest of the configuration, according to its file name.
        var digest: Digest? {
            let stem = configurationName.split(separator: "/").last?.prefix { $0 != "." } ?? ""
            return Digest(hexadecimal: stem) ?? Digest(stem)
        }

        /// The image's name in messages, which is also accepted behind the colon of a path.
        var title: String { names.min() ?? digest.map { "@" + $0.short } ?? configurationName }

        /// Whether `name` or `reference` names this image. `alpine` also means
        /// `docker.io/library/alpine:latest`, and a digest may be shortened.
        func isCalled(_ name: String, _ reference: RegistryReference?) -> Bool {
            let isNamed = names.contains { other in
                other == name || reference != nil && (try? RegistryReference(parsing: other)) == reference
            }
            return isNamed || digest?.begins(as: name) == true
        }
    }

    let files: SourceFiles

    /// Reads the image called `name`, or the only image if `name` is nil.
    func image(name: String?) throws(Failure) -> SourceImage {
        let all = try entries()
        let reference = name.flatMap { try? RegistryReference(parsing: $0) }
        let chosen = name.map { name in all.filter { $0.isCalled(name, reference) } } ?? all
        guard let first = chosen.first else { throw missing(name, all.map(\.title).sorted()) }
        guard chosen.count == 1 else { throw files.several(chosen.map(\.title)) }
        return try image(first)
    }

    private func entries() throws(Failure) -> [Entry] {
        var entries: [Entry] = []
        var places: [String: Int] = [:]
        for field in try files.json("manifest.json", as: "manifest").elements() {
            let config = try field.member("Config")
            let configurationName = try config.required(try config.text())
            let names = try field.member("RepoTags").texts()
            if let place = places[configurationName] {
                entries[place].names += names
            } else {
                places[configurationName] = entries.count
                entries.append(Entry(field: field, configurationName: configurationName, names: names))
            }
        }
        return entries
    }

    private func missing(_ name: String?, _ titles: [String]) -> Failure {
        guard let name else { return files.refused("it contains no image") }
        return Failure(
            .missingInput, files.complaint, because: "it has no image called \(name.brief)",
            cure: titles.isEmpty ? nil : "It contains \(titles.briefList).")
    }

    private func image(_ entry: Entry) throws(Failure) -> SourceImage {
        let configuration = try files.configuration(named: entry.configurationName)
        if let digest = entry.digest, digest != configuration.digest {
            throw files.refused("the digest of its configuration does not match its name \(digest.short)")
        }
        guard configuration.platform.fit(level: Platform.hostLevel) != nil else {
            throw files.refused(
                "it is for \(configuration.platform.description.brief), not for \(Platform.wanted)",
                cure: "Get the image for \(Platform.wanted).")
        }
        return SourceImage(
            configuration: configuration, layers: try layers(try entry.field.member("Layers"), configuration),
            registryNames: Set(entry.names).sorted(), files: files)
    }

    private func layers(
        _ field: JSONField, _ configuration: ConfigurationFile
    ) throws(Failure) -> [SourceImage.Layer] {
        let names = try field.texts()
        guard names.count <= Manifest.layerLimit else {
            throw files.refused("it has \(names.count) layers; the limit is \(Manifest.layerLimit)")
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
