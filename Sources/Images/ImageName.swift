public import Host

/// A name of an image as the user writes it, parsed but not looked up.
enum ImageName: Hashable, Sendable {
    /// The prefix of a path, which states the kind of its file.
    enum PathKind: String, Hashable, Sendable, CaseIterable {
        /// An OCI image layout directory (OCI image 1.1, image-layout.md).
        case layout = "oci"
        /// An OCI image layout in a tar.
        case layoutArchive = "oci-archive"
        /// A tar as `docker save` writes it.
        case dockerArchive = "docker-archive"
        /// A directory that is a root file system.
        case rootFileSystem = "rootfs"
    }

    /// `docker://NAME`: a name in a registry, and nothing else.
    case registry(RegistryReference)
    /// A path, which `:TAG` may follow. Its file is of the kind `kind`, or of the kind that its content shows
    /// if `kind` is nil.
    case path(String, kind: PathKind?)
    /// A word that may be a name in the store, an identifier or its start, or a name in a registry, tried in
    /// this order. It is never a file: somebody else may have put one into the user's working directory.
    case word(String)

    init(parsing text: String) throws(Failure) {
        guard !text.isEmpty else {
            throw Failure(.usage, "cannot use an image without a name", because: "the name is empty")
        }
        if text.hasPrefix("docker://") {
            self = .registry(try RegistryReference(parsing: String(text.dropFirst(9))))
        } else if let kind = PathKind.allCases.first(where: { text.hasPrefix($0.rawValue + ":") }) {
            let path = String(text.dropFirst(kind.rawValue.utf8.count + 1))
            self = .path(path == "-" ? "/dev/stdin" : path, kind: kind)
        } else if text.hasPrefix("/") || text.hasPrefix(".") {
            self = .path(text, kind: nil)
        } else if text == "-" {
            self = .path("/dev/stdin", kind: nil)
        } else {
            self = .word(text)
        }
        if case .path("", _) = self {
            throw Failure(.usage, "cannot use the image \(text)", because: "the path is empty")
        }
    }
}

extension ImageStore {
    /// Returns a failure that explains `--name` to users who write a file and then a name, as for docker's
    /// import; nil if `images` can be images.
    public static func mistakenName(among images: [String]) -> Failure? {
        guard images.count == 2, case .path? = try? ImageName(parsing: images[0]),
            case .word(let name)? = try? ImageName(parsing: images[1])
        else { return nil }
        return Failure(
            .usage, "unexpected argument '\(name.brief)'",
            because: "it follows a file, and it could be a name for it or another image",
            cure:
                "To name the image, write --name \(name.brief). To import that image too, write docker://\(name.brief)"
        )
    }
}
