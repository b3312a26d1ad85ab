import Host

extension ImageStore {
    var catalogue: Catalogue { Catalogue(store: directory) }

    func find(_ request: ImageRequest) throws(Failure) -> Image {
        switch request.name {
        case .registry(let reference): return try find(reference, request)
        case .word(let word): return try find(word, request)
        case .path(let path, let kind):
            guard let source = try ImageSource(path, kind: kind) else { throw Self.missing(path) }
            return try find(source, request)
        }
    }

    /// The number of digits from which a word such as `cafe`, which may be a name too, is tried as an
    /// identifier: as many as lists show.
    private static let identifierDigitCount = 12

    /// Finds the image that a word stands for: a name in the store, an identifier or its start, or a name in
    /// a registry.
    private func find(_ word: String, _ request: ImageRequest) throws(Failure) -> Image {
        let reference = try? RegistryReference(parsing: word)
        if request.pull != .always {
            if let reference, let image = try named(reference.description) { return image }
            let least = Self.identifierDigitCount
            if let identifier = try catalogue.identifier(startingWith: word, least: least),
                let record = catalogue.record(of: identifier)
            {
                return try catalogue.image(record)
            }
        }
        let isFile = ImageSource.split(word) != nil
        guard let reference else {
            // The word is no valid image name, so it can only be a path.
            if word.contains("/"), let source = try ImageSource(word, kind: nil) {
                return try find(source, request)
            }
            throw Failure(
                .missingInput, "cannot find the image \(word.brief)",
                because: "it is neither a path nor a valid image name",
                cure: isFile
                    ? "To use the file, write ./\(word.brief)"
                    : "Names look like debian:12 or localhost:5000/team/tool:1.0.")
        }
        guard isFile else { return try find(reference, request) }
        return try find(reference, besideFile: word, request)
    }

    /// Finds an image whose name is also the name of a file. The file must not be used by accident, but its
    /// owner may have meant it, so the error message mentions it.
    ///
    /// An archive in another directory, or a path with too many parts for a name at docker.io, is used as a
    /// file.
    private func find(
        _ reference: RegistryReference, besideFile word: String, _ request: ImageRequest
    ) throws(Failure) -> Image {
        let path = ImageSource.split(word)?.path ?? word
        let isArchive = [".tar", ".tar.gz", ".tgz", ".tar.zst"].contains { path.hasSuffix($0) }
        if word.contains("/"), isArchive || reference.isTooDeep(for: word),
            let source = try ImageSource(word, kind: nil)
        {
            return try find(source, request)
        }
        guard !word.contains("/"), !isArchive else {
            throw Failure(
                .usage, "cannot identify the image \(word.brief)",
                because: "a file has this name, and an image in a registry may have it too",
                cure: "Write ./\(word.brief) for the file, or docker://\(word.brief) for the image.")
        }
        do throws(Failure) {
            return try find(reference, request)
        } catch {
            let cure = [error.cure, "To use the file of that name, write ./\(word.brief)"]
            throw Failure(
                error.kind, error.what, because: error.why,
                cure: cure.compactMap(\.self).joined(separator: " "))
        }
    }

    private func find(_ reference: RegistryReference, _ request: ImageRequest) throws(Failure) -> Image {
        if request.pull != .always, let image = try named(reference.description) { return image }
        guard request.pull != .never else {
            throw Failure(
                .missingInput, "cannot find the image \(request.text.printable)",
                because: "it is not in the store \(path)",
                cure: "Import it: vmm image import \(request.text.printable)")
        }
        return try pull(reference, request)
    }

    private func named(_ name: String) throws(Failure) -> Image? {
        guard let known = catalogue.name(name), let record = catalogue.record(of: known.identifier) else {
            return nil
        }
        return try catalogue.image(record)
    }

    private static func missing(_ path: String) -> Failure {
        Failure(
            .missingInput, "cannot use the image \(path.printable)", because: "no such file or directory",
            cure: "Check the path of the image.")
    }
}

extension RegistryReference {
    /// Whether `word`, the text of this reference, names no registry and has more parts than a name at
    /// docker.io can have.
    fileprivate func isTooDeep(for word: String) -> Bool {
        registry == "docker.io" && !word.contains("docker.io/")
            && repository.split(separator: "/").count > 2
    }
}
