import Host
import Layers

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

    /// A name in the store, the start of an identifier, a file, or a name in a registry.
    private func find(_ word: String, _ request: ImageRequest) throws(Failure) -> Image {
        let reference = try? RegistryReference(parsing: word)
        if request.pull != .always {
            if let image = reference.flatMap({ named($0.description) }) { return image }
            if let identifier = try catalogue.identifier(startingWith: word),
                let record = catalogue.record(of: identifier)
            {
                return catalogue.image(record)
            }
        }
        if let source = try ImageSource(word, kind: nil) { return try find(source, request) }
        guard let reference else {
            throw Failure(
                .missingInput, "cannot find the image \(word.printable)",
                because: "no file is called so, and it is no name of an image in a registry",
                cure: "Names look like debian:12 or localhost:5000/team/tool:1.0.")
        }
        return try find(reference, request)
    }

    private func find(_ reference: RegistryReference, _ request: ImageRequest) throws(Failure) -> Image {
        if request.pull != .always, let image = named(reference.description) { return image }
        guard request.pull != .never else {
            throw Failure(
                .missingInput, "cannot find the image \(request.text.printable)",
                because: "it is not in \(path)",
                cure: "Import it: vmm image import \(request.text.printable)")
        }
        return try pull(reference, request)
    }

    private func named(_ name: String) -> Image? {
        catalogue.name(name).flatMap { catalogue.record(of: $0.identifier) }.map { catalogue.image($0) }
    }

    private static func missing(_ path: String) -> Failure {
        Failure(
            .missingInput, "cannot use the image \(path.printable)", because: "no such file or directory",
            cure: "Check the path of the image.")
    }
}
