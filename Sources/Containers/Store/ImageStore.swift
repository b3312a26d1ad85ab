public import Host

/// Whether an image is fetched from its registry.
public enum PullPolicy: String, Hashable, Sendable, CaseIterable {
    /// Where the store has it not.
    case missing
    /// Every time.
    case always
    /// Not at all.
    case never
}

/// Images that were made ready for machines, in a directory.
///
/// Its owner has a shared lock on it: the files of images that it named stay as long as it lives, and for as long as they
/// are open or mapped after that.
public struct ImageStore: ~Copyable, Sendable {
    /// The directory.
    public let path: String

    /// Opens the store at `path`; else at VMM_STORE; else root's at /var/lib/vmm and everybody else's at
    /// $XDG_DATA_HOME/vmm or ~/.local/share/vmm. It is made where there is none.
    public static func open(at path: String? = nil) throws(Failure) -> ImageStore {
        ImageStore(path: path ?? "/var/lib/vmm")
    }

    /// The image that a user calls `name`: one of the store, or an OCI layout, an archive, a directory or a bundle that is
    /// imported where it is new or has changed, or one that is pulled from its registry.
    public func image(
        for name: String, pull: PullPolicy = .missing, progress: ProgressStyle = .automatic
    ) throws(Failure) -> Image {
        _ = try ImageName(parsing: name)
        throw Failure(.unavailable, "cannot use the image \(name)", because: "the store is not built yet")
    }
}
