import Host
import Layers

extension ImageStore {
    /// Returns the image of a file or a directory. Imports it if it is new or has changed.
    func find(_ source: ImageSource, _ request: ImageRequest) throws(Failure) -> Image {
        switch source {
        case .layout, .archive: try imported(source, request)
        case .rootFileSystem(let path): try directory(path, called: try source.storeName(), nil, request)
        case .bundle(let path): try bundle(path, request)
        }
    }

    private func imported(_ source: ImageSource, _ request: ImageRequest) throws(Failure) -> Image {
        let name = try source.storeName()
        let known = name.flatMap { catalogue.name($0) }
        let stamp = SourceStamp(of: source.stampedFile)
        // The file has not been written to since it was read.
        if let known, stamp != nil, known.stamp == stamp, !request.wantsNames,
            let record = catalogue.record(of: known.identifier)
        {
            return try catalogue.image(record)
        }
        let image = try source.image(scratch: directory.staging, budget: request.budget)
        if known?.identifier == image.identifier, stamp == nil, !request.wantsNames,
            let record = catalogue.record(of: image.identifier)
        {
            return try catalogue.image(record)
        }
        var names = request.names(from: image)
        try checkMoves(of: names, request)
        if let name { names.append(NameRecord(name: name, identifier: image.identifier, stamp: stamp)) }
        var found = try add("importing \(request.text.brief)", names, request) { importer throws(Failure) in
            try importer.add(image)
        }
        if names.isEmpty, request.takesNames { found.notice = "the image has no name; --name gives it one" }
        return found
    }

    /// Refuses names in an archive that stand for another image in the store because a registry said so.
    /// Otherwise the author of an archive could redefine `debian:12`.
    private func checkMoves(of names: [NameRecord], _ request: ImageRequest) throws(Failure) {
        guard !request.movesNames, request.furtherName == nil else { return }
        for name in names {
            guard let known = catalogue.name(name.name), known.isFromRegistry,
                known.identifier != name.identifier, catalogue.record(of: known.identifier) != nil
            else { continue }
            throw Failure(
                .usage, "cannot import \(request.text.brief)",
                because: "its name \(name.name) stands for another image, which came from a registry",
                cure: "Move the name with --move-names, or choose another with --name NAME.")
        }
    }

    /// The number of attempts at an import whose image other processes keep removing before it has its names.
    private static let attemptLimit = 3

    /// Runs an import and gives its image the names `names`.
    private func add(
        _ title: String, _ names: [NameRecord], _ request: ImageRequest,
        _ work: @escaping @Sendable (ImageImport) throws(Failure) -> ImageRecord
    ) throws(Failure) -> Image {
        try NameRecord.check(names)
        let session = ImportSession(title, budget: request.budget)
        let store = directory
        let (record, moved) = try ImportSupervisor(session: session, style: request.progress).run {
            () throws(Failure) in
            let importer = try ImageImport(store, session: session)
            for _ in 0..<Self.attemptLimit {
                let record = try work(importer)
                let moved = try importer.catalogue.set(names, staging: importer.staging)
                // Another process may have removed the image before it had these names.
                if importer.catalogue.record(of: record.identifier) != nil { return (record, moved) }
            }
            throw Failure(
                .unavailable, "cannot import \(request.text.brief)",
                because: "another vmm keeps removing the image",
                cure: "Try again while no other vmm removes images.")
        }
        var image = try catalogue.image(record)
        if !moved.isEmpty { image.notice = Self.notice(of: moved) }
        return image
    }

    private static func notice(of moved: [NameRecord]) -> String {
        let names = moved.map { "\($0.name) (was \($0.identifier.prefix(12)))" }
        return "names moved to this image: \(names.briefList)"
    }

    /// Fetches the image that its registry has now.
    func pull(_ reference: RegistryReference, _ request: ImageRequest) throws(Failure) -> Image {
        let name = reference.description
        let before = [name, request.furtherName?.description].compactMap { $0.flatMap(catalogue.name) }
        var found = try add("pulling \(reference)", [], request) { importer throws(Failure) in
            let session = importer.session
            let lock = try StoreLock(.work("pull " + name), of: importer.store, alone: true) {
                () throws(Failure) in
                try session.wait()
            }
            defer { _ = lock }
            // The last holder of the lock may have pulled the image.
            if request.pull == .missing, let known = importer.catalogue.name(name),
                let record = importer.catalogue.record(of: known.identifier)
            {
                return record
            }
            var source = LayoutSource(
                SourceFiles(directory: try Self.fetch(reference, for: importer), called: name))
            let image = try source.image(name: Skopeo.imageName)
            let record = try importer.add(image)
            let names =
                [NameRecord(name: name, identifier: image.identifier, isFromRegistry: true)]
                + request.names(from: image)
            try importer.catalogue.set(names, staging: importer.staging)
            return record
        }
        // A registry may change its own name at any time. A notice is due only for a name that a user had
        // given to another image.
        let moved = before.filter {
            $0.identifier != found.identifier && !($0.isFromRegistry && $0.name == name)
        }
        if !moved.isEmpty { found.notice = Self.notice(of: moved) }
        return found
    }

    /// Copies an image from its registry into a layout and returns the layout's path. If the registry has the
    /// image for several platforms, copies the best match for this host.
    private static func fetch(
        _ reference: RegistryReference, for importer: ImageImport
    ) throws(Failure) -> String {
        let skopeo = Skopeo(session: importer.session, kept: importer.staging.directory.rawValue)
        let (first, second) = (importer.staging.file("index"), importer.staging.file("layout"))
        guard try skopeo.copy(reference, .listAlone, to: first) else {
            _ = try skopeo.copy(reference, .usualPlatform, to: second)
            return second
        }
        var index = LayoutSource(SourceFiles(directory: first, called: reference.description))
        switch try index.rest(name: Skopeo.imageName) {
        case .nothing: return first
        case .manifest(let digest): _ = try skopeo.copy(reference.with(digest), .usualPlatform, to: second)
        case .unknown: _ = try skopeo.copy(reference, .usualPlatform, to: second)
        }
        return second
    }

    /// Returns the image of a plain directory. The directory's identity is its fingerprint: the lstat(2)
    /// results of all its files. `bundle` is the configuration of the bundle that it belongs to, if any.
    private func directory(
        _ path: String, called name: String?, _ bundle: BundleFile?, _ request: ImageRequest
    ) throws(Failure) -> Image {
        let digest = try DirectoryTree(opening: path).fingerprint()
        let contents =
            bundle?.contents(fingerprint: digest) ?? ImageImport.Contents(identifier: digest.hexadecimal)
        if !request.wantsNames, name.flatMap({ catalogue.name($0) })?.identifier == contents.identifier,
            let record = catalogue.record(of: contents.identifier)
        {
            return try catalogue.image(record, bundle: bundle?.configuration)
        }
        let names =
            (name.map { [NameRecord(name: $0, identifier: contents.identifier)] } ?? [])
            + request.ownNames(for: contents.identifier)
        return try add("importing \(request.text.brief)", names, request) { importer throws(Failure) in
            try importer.addDirectory(path, fingerprint: digest, as: contents)
        }
    }

    /// Returns the image of a bundle: its root file system and its configuration.
    private func bundle(_ path: String, _ request: ImageRequest) throws(Failure) -> Image {
        let file = try BundleFile(in: path, of: path)
        try bundleCheck(file.configuration)
        let root = try file.configuration.root(inBundle: path, orOutside: request.allowsOutsideRoot)
        var image = try directory(
            root.path, called: try ImageSource.bundle(path: path).storeName(), file, request)
        if root.isOutside {
            image.notice =
                "the files of the bundle \(path.brief) are outside the bundle, in \(root.path.brief)"
        }
        return image
    }
}

extension ImageRequest {
    /// Whether names must be written that a lookup does not need.
    var wantsNames: Bool { takesNames || furtherName != nil }

    /// Returns the names to write: the user's, or those that the image brings if the request takes them.
    func names(from image: SourceImage) -> [NameRecord] {
        guard furtherName == nil else { return ownNames(for: image.identifier) }
        guard takesNames else { return [] }
        return image.registryNames.compactMap { try? RegistryReference(parsing: $0) }.map {
            NameRecord(name: $0.description, identifier: image.identifier)
        }
    }

    func ownNames(for identifier: String) -> [NameRecord] {
        furtherName.map { [NameRecord(name: $0.description, identifier: identifier)] } ?? []
    }
}
