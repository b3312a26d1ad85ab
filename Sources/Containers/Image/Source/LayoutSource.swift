import Host
import Layers

/// Finds the image in an OCI layout (OCI image 1.1, image-layout.md), from its index to its layers; each text is checked
/// against the digest that led to it.
struct LayoutSource {
    /// An index may name another, which may name another.
    private static let indexDepthLimit = 4
    /// Nobody reads more manifests and indexes than this to find one.
    private static let manifestLimit = 1000

    let files: SourceFiles
    /// The manifests that were passed over, by what they are for.
    private var foreignPlatforms: Set<String> = []
    /// Of manifests and indexes that were read, as often as each was.
    private var manifestCount = 0

    init(_ files: SourceFiles) {
        self.files = files
    }

    /// The image for this platform that is called `tag` there; without a tag the only one, or `latest`.
    mutating func image(tag: String?) throws(Failure) -> SourceImage {
        try checkVersion()
        let index = try files.json("index.json", as: "index")
        var all: [Descriptor] = []
        for element in try index.member("manifests").elements() { all.append(try Descriptor(element)) }
        let candidates = try choose(from: all, tag: tag)
        if let image = try firstImage(in: candidates, depth: 1) {
            return image
        }
        throw files.refused(platformComplaint, cure: "Get the image for \(Platform.wanted).")
    }

    private func checkVersion() throws(Failure) {
        let version = try files.json("oci-layout", as: "version").member("imageLayoutVersion")
        let text = try version.required(try version.text())
        guard text.hasPrefix("1.") else {
            throw files.refused("its layout is of version \(text.printable), and only 1 is known")
        }
    }

    private var platformComplaint: String {
        if foreignPlatforms.isEmpty { return "there is no image in it" }
        let names = foreignPlatforms.sorted().prefix(12).joined(separator: ", ")
        return "it is for \(names.printable), and not for \(Platform.wanted)"
    }

    private func choose(from all: [Descriptor], tag: String?) throws(Failure) -> [Descriptor] {
        if let tag {
            let found = all.filter { $0.referenceName == tag || $0.registryName == tag }
            guard !found.isEmpty else { throw unknown(tag, all) }
            return found
        }
        // Without names they are one image for several platforms.
        if Set(all.map(\.referenceName)).count <= 1 { return all }
        let latest = all.filter { $0.referenceName == "latest" }
        guard !latest.isEmpty else {
            throw files.refused("it has several images: \(tags(all))", cure: "Say which: \(files.path):TAG")
        }
        return latest
    }

    private func unknown(_ tag: String, _ all: [Descriptor]) -> Failure {
        Failure(
            .missingInput, files.complaint, because: "it has no image called \(tag.printable)",
            cure: all.isEmpty ? nil : "It has \(tags(all)).")
    }

    private func tags(_ all: [Descriptor]) -> String {
        Set(all.map { $0.referenceName ?? "one without a name" }).sorted().prefix(12).joined(separator: ", ")
            .printable
    }

    /// The first that is for this platform.
    private mutating func firstImage(
        in candidates: [Descriptor], depth: Int
    ) throws(Failure) -> SourceImage? {
        for candidate in candidates {
            if let image = try image(candidate, depth: depth) { return image }
        }
        return nil
    }

    private mutating func image(_ descriptor: Descriptor, depth: Int) throws(Failure) -> SourceImage? {
        switch descriptor.mediaType {
        case .index:
            guard depth < Self.indexDepthLimit else {
                throw files.refused("its indexes are nested too deeply")
            }
            try countManifest()
            let index = try files.json(descriptor, as: "index")
            var inner: [Descriptor] = []
            for element in try index.member("manifests").elements() {
                var found = try Descriptor(element)
                found.annotations.merge(descriptor.annotations) { own, _ in own }
                inner.append(found)
            }
            return try firstImage(in: inner, depth: depth + 1)
        case .manifest: return try manifestImage(descriptor)
        case .schema1:
            throw files.refused("its manifest is of the old schema 1", cure: "Pull and save the image again.")
        default: return nil
        }
    }

    /// Another text is about to be read.
    private mutating func countManifest() throws(Failure) {
        manifestCount += 1
        guard manifestCount <= Self.manifestLimit else { throw files.refused("it has too many manifests") }
    }

    private mutating func manifestImage(_ descriptor: Descriptor) throws(Failure) -> SourceImage? {
        if let platform = descriptor.platform, !platform.isWanted {
            // Attestations and the like say "unknown/unknown".
            if platform.system != "unknown" { foreignPlatforms.insert(platform.description) }
            return nil
        }
        try countManifest()
        let manifest = try Manifest(try files.json(descriptor, as: "manifest"))
        let configuration = try files.configuration(manifest.configuration)
        guard configuration.isForThisPlatform else {
            foreignPlatforms.insert(configuration.platform.description)
            return nil
        }
        return try image(manifest, configuration, descriptor)
    }

    private func image(
        _ manifest: Manifest, _ configuration: ConfigurationFile, _ descriptor: Descriptor
    ) throws(Failure) -> SourceImage {
        guard manifest.layers.count == configuration.layers.count else {
            throw files.refused(
                "its manifest has \(manifest.layers.count) layers, its configuration \(configuration.layers.count)"
            )
        }
        let layers = zip(manifest.layers, configuration.layers).map { blob, content in
            SourceImage.Layer(
                contentDigest: content, blobDigest: blob.digest, byteCount: blob.byteCount,
                name: SourceFiles.name(of: blob.digest))
        }
        return SourceImage(
            configuration: configuration, layers: layers,
            registryNames: descriptor.registryName.map { [$0] } ?? [], files: files)
    }
}
