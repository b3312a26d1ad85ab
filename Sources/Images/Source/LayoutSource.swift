import Host
import Layers

/// A reader of OCI layouts (OCI image 1.1, image-layout.md). It goes from the index to the layers, and checks
/// each file against the digest that led to it.
struct LayoutSource {
    /// The limit on nested indexes: an index may name another one, which may name another one.
    private static let indexDepthLimit = 4
    /// The limit on the manifests and indexes that are read to find one image.
    private static let manifestLimit = 1000

    /// The result of a search from one entry of an index.
    private enum Finding {
        /// No image: an artifact, or a file that is missing.
        case none
        /// An image for other platforms.
        case foreign
        /// An image, and how well it fits the CPU.
        case image(SourceImage, fit: Int)
    }

    let files: SourceFiles
    private let level: Int
    /// The platforms of the images that do not run here.
    private var foreignPlatforms: Set<String> = []
    /// The failure for the first missing file.
    private var missing: Failure?
    /// The reason why the first artifact is no image.
    private var artifact: Failure?
    /// The digests listed in the nested indexes that were read.
    private var innerDigests: Set<Digest> = []
    /// The number of manifests and indexes that were read, counting repetitions.
    private var manifestCount = 0

    /// Makes a reader for a CPU of the x86-64 level `level`, which runs images for this level and for those
    /// below it.
    init(_ files: SourceFiles, level: Int = Platform.hostLevel) {
        self.files = files
        self.level = level
    }

    /// Reads the image called `name` for this platform, or the only image if `name` is nil.
    mutating func image(name: String?) throws(Failure) -> SourceImage {
        try checkVersion()
        let index = try LayoutIndex(try files.json("index.json", as: "index"))
        let entries = name.map { index.entries(called: $0) } ?? index.entries
        if let name, entries.isEmpty { throw unknown(name, index) }
        var (found, titles): ([SourceImage], [String]) = ([], [])
        for group in LayoutIndex.groups(entries) {
            switch try finding(group, index) {
            case .none: continue
            case .foreign: break
            case .image(let image, _): found.append(image)
            }
            titles.append(group.title)
        }
        guard let first = found.first else { throw nothing }
        // An image may have several manifests, one for each compression of its layers.
        guard found.count == titles.count, found.allSatisfy({ $0.identifier == first.identifier }) else {
            throw files.several(titles)
        }
        return first
    }

    /// The part of an image that is still to be fetched after its index.
    enum Rest {
        /// No part: the image is complete.
        case nothing
        /// The manifest that the index lists under this digest.
        case manifest(Digest)
        /// A part that the index alone does not identify.
        case unknown
    }

    /// Finds the part of the image `name` to fetch next, from the image's index alone: the manifest that fits
    /// this host best.
    mutating func rest(name: String) throws(Failure) -> Rest {
        let all = try LayoutIndex(try files.json("index.json", as: "index"))
        guard let index = all.entries(called: name).first, index.mediaType == .index else { return .nothing }
        var best: (digest: Digest, fit: Int)?
        for element in try files.json(index, as: "index").member("manifests").elements() {
            let entry = try Descriptor(element)
            guard entry.mediaType == .manifest, let platform = entry.platform else { return .unknown }
            guard let fit = platform.fit(level: level) else {
                _ = passOver(platform)
                continue
            }
            if fit > best?.fit ?? -1 { best = (entry.digest, fit) }
        }
        guard let best else { throw nothing }
        return .manifest(best.digest)
    }

    private func checkVersion() throws(Failure) {
        let version = try files.json("oci-layout", as: "version").member("imageLayoutVersion")
        let text = try version.required(try version.text())
        guard text.hasPrefix("1.") else {
            throw files.refused("its layout has version \(text.brief); only version 1 is supported")
        }
    }

    /// The reason why there is no image.
    private var nothing: Failure {
        if let missing { return missing }
        if foreignPlatforms.isEmpty { return artifact ?? files.refused("it contains no image") }
        return files.refused(
            "it is for \(foreignPlatforms.sorted().briefList), not for \(Platform.wanted)",
            cure: "Get the image for \(Platform.wanted).")
    }

    private func unknown(_ name: String, _ index: LayoutIndex) -> Failure {
        let titles = index.titles
        return Failure(
            .missingInput, files.complaint, because: "it has no image called \(name.brief)",
            cure: titles.isEmpty ? nil : "It contains \(titles.briefList).")
    }

    /// Finds the image of a group. Refuses two images that fit equally well, because either could be meant.
    private mutating func finding(_ group: LayoutIndex.Group, _ index: LayoutIndex) throws(Failure) -> Finding
    {
        var best: [(selector: String, image: SourceImage)] = []
        var (bestFit, isForeign) = (-1, false)
        // skopeo lists the entries of a nested index also beside the index.
        for entry in group.entries where entry.imageName != nil || !innerDigests.contains(entry.digest) {
            switch try finding(entry, depth: 1) {
            case .none: break
            case .foreign: isForeign = true
            case .image(var image, let fit):
                image.registryNames = index.registryNames(of: entry.digest)
                if fit > bestFit { best = [] }
                guard fit >= bestFit, !best.contains(where: { $0.image.identifier == image.identifier })
                else {
                    continue
                }
                (best, bestFit) = (best + [(entry.selector, image)], fit)
            }
        }
        guard best.count < 2 else { throw files.several(best.map(\.selector)) }
        return best.first.map { .image($0.image, fit: bestFit) } ?? (isForeign ? .foreign : .none)
    }

    private mutating func finding(_ descriptor: Descriptor, depth: Int) throws(Failure) -> Finding {
        switch descriptor.mediaType {
        case .index: return try indexFinding(descriptor, depth: depth)
        case .manifest: return try manifestFinding(descriptor)
        case .schema1:
            throw files.refused(
                "its manifest has the obsolete schema 1", cure: "Pull and save the image again.")
        default: return .none
        }
    }

    /// Finds the image in an index that fits best, or the first of several that fit equally well.
    private mutating func indexFinding(_ descriptor: Descriptor, depth: Int) throws(Failure) -> Finding {
        guard depth < Self.indexDepthLimit else { throw files.refused("its indexes are nested too deeply") }
        guard try isThere(descriptor, as: "index") else { return .none }
        let index = try files.json(descriptor, as: "index")
        var best = Finding.none
        for element in try index.member("manifests").elements() {
            let entry = try Descriptor(element)
            innerDigests.insert(entry.digest)
            switch (try finding(entry, depth: depth + 1), best) {
            case (.none, _), (.foreign, .image), (.foreign, .foreign): break
            case (.image(_, let fit), .image(_, let bestFit)) where fit <= bestFit: break
            case (let found, _): best = found
            }
        }
        return best
    }

    private mutating func manifestFinding(_ descriptor: Descriptor) throws(Failure) -> Finding {
        let fit = descriptor.platform?.fit(level: level)
        if let platform = descriptor.platform, fit == nil { return passOver(platform) }
        guard try isThere(descriptor, as: "manifest") else { return .none }
        let field = try files.json(descriptor, as: "manifest")
        if let why = try Manifest.reasonForNone(field) {
            artifact = artifact ?? files.refused(why)
            return .none
        }
        let manifest = try Manifest(field)
        let configuration = try files.configuration(manifest.configuration)
        guard let ownFit = configuration.platform.fit(level: level) else {
            return passOver(configuration.platform)
        }
        return .image(try image(manifest, configuration), fit: max(fit ?? 0, ownFit))
    }

    private mutating func passOver(_ platform: Platform) -> Finding {
        guard !platform.isUnknown else { return .none }
        foreignPlatforms.insert(platform.description)
        return .foreign
    }

    /// Whether the file that `descriptor` points to exists; remembers the first one missing. `docker save`
    /// may list platforms that the archive does not contain.
    private mutating func isThere(_ descriptor: Descriptor, as role: String) throws(Failure) -> Bool {
        manifestCount += 1
        guard manifestCount <= Self.manifestLimit else { throw files.refused("it has too many manifests") }
        let name = SourceFiles.name(of: descriptor.digest)
        if files.has(name) { return true }
        missing = missing ?? files.refused("it is incomplete: its \(role) is missing (\(name))")
        return false
    }

    private func image(
        _ manifest: Manifest, _ configuration: ConfigurationFile
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
        return SourceImage(configuration: configuration, layers: layers, registryNames: [], files: files)
    }
}
