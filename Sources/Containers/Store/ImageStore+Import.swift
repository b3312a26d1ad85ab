import Host
import Layers

extension ImageStore {
    /// The image of a file or a directory, imported where it is new or has changed.
    func find(_ source: ImageSource, _ request: ImageRequest) throws(Failure) -> Image {
        switch source {
        case .layout, .archive: try imported(source, request)
        case .rootFileSystem(let path): try directory(path, named: try source.storeName(), request)
        case .bundle(let path): try bundle(path, request)
        }
    }

    private func imported(_ source: ImageSource, _ request: ImageRequest) throws(Failure) -> Image {
        let name = try source.storeName()
        let known = catalogue.name(name)
        let stamp = SourceStamp(of: source.stampedFile)
        // Not one byte of it was written since it was read.
        if let known, stamp != nil, known.stamp == stamp, !request.wantsNames,
            let record = catalogue.record(of: known.identifier)
        {
            return catalogue.image(record)
        }
        let image = try source.image(scratch: directory.workshops)
        if known?.identifier == image.identifier, stamp == nil, !request.wantsNames,
            let record = catalogue.record(of: image.identifier)
        {
            return catalogue.image(record)
        }
        var names = try request.names(from: image)
        names.append(NameRecord(name: name, identifier: image.identifier, stamp: stamp))
        return catalogue.image(
            try add("importing \(request.text.printable)", names, request) { importer throws(Failure) in
                try importer.add(image)
            })
    }

    /// Runs an import and gives its image its names.
    private func add(
        _ title: String, _ names: [NameRecord], _ request: ImageRequest,
        _ work: @escaping @Sendable (ImageImport) throws(Failure) -> ImageRecord
    ) throws(Failure) -> ImageRecord {
        let session = ImportSession(title)
        let store = directory
        return try ImportSupervisor(session: session, style: request.progress).run { () throws(Failure) in
            let importer = try ImageImport(store, session: session)
            while true {
                let record = try work(importer)
                try importer.catalogue.set(names, workshop: importer.workshop)
                // Before it had these names, somebody who removed others may have taken it away.
                if importer.catalogue.record(of: record.identifier) != nil { return record }
            }
        }
    }

    /// The image that a registry has now.
    func pull(_ reference: RegistryReference, _ request: ImageRequest) throws(Failure) -> Image {
        let name = reference.description
        let record = try add("pulling \(reference)", [], request) { importer throws(Failure) in
            let session = importer.session
            let lock = try StoreLock(.work("pull " + name), of: importer.store, alone: true) {
                () throws(Failure) in
                try session.wait()
            }
            defer { _ = lock }
            // Whoever had the lock may have pulled it.
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
                [NameRecord(name: name, identifier: image.identifier)] + (try request.names(from: image))
            try importer.catalogue.set(names, workshop: importer.workshop)
            return record
        }
        return catalogue.image(record)
    }

    /// Copies an image from its registry into a layout, whose path is returned. Where the registry has it for several
    /// platforms, the one is copied that fits this host best.
    private static func fetch(
        _ reference: RegistryReference, for importer: ImageImport
    ) throws(Failure) -> String {
        let skopeo = Skopeo(session: importer.session, kept: importer.workshop.directory.rawValue)
        let (first, second) = (importer.workshop.file("index"), importer.workshop.file("layout"))
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

    /// A plain directory is known by its fingerprint: what lstat(2) tells of all its files. `bundle` is what else is said of it.
    private func directory(
        _ path: String, named name: String, _ request: ImageRequest
    ) throws(Failure) -> Image {
        let digest = try DirectoryTree(opening: path).fingerprint()
        let known = catalogue.name(name)
        if known?.identifier == digest.hexadecimal, !request.wantsNames,
            let record = catalogue.record(of: digest.hexadecimal)
        {
            return catalogue.image(record)
        }
        let names =
            [NameRecord(name: name, identifier: digest.hexadecimal)]
            + request.ownNames(for: digest.hexadecimal)
        return catalogue.image(
            try add("importing \(request.text.printable)", names, request) { importer throws(Failure) in
                try importer.addDirectory(path, fingerprint: digest)
            })
    }

    /// A bundle's root file system, and what its configuration says.
    private func bundle(_ path: String, _ request: ImageRequest) throws(Failure) -> Image {
        let configuration = try BundleConfiguration(ofBundle: path)
        let root = try configuration.root(inBundle: path)
        let image = try directory(
            root.path, named: try ImageSource.rootFileSystem(path: root.path).storeName(), request)
        var found = Image(
            identifier: image.identifier, configuration: ImageConfiguration(configuration),
            files: image.files, bundle: configuration)
        if root.isOutside {
            found.notice =
                "the files of the bundle \(path.printable) lie outside of it, in \(root.path.printable)"
        }
        return found
    }
}

extension ImageRequest {
    /// Whether names are to be written that a lookup does not need.
    var wantsNames: Bool { takesNames || furtherName != nil }

    /// The names that the user gives; else those that the image brings, where it may.
    func names(from image: SourceImage) throws(Failure) -> [NameRecord] {
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
