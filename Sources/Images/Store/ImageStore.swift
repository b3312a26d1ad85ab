public import Host
public import Layers
import SystemPackage

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
/// Its owner shares a lock on it: the layers of images that it named stay as long as it lives, and for as long as they are
/// open or mapped after that.
public struct ImageStore: ~Copyable, Sendable {
    let directory: StoreDirectory
    /// What each of its imports may take.
    public var limits = ImportLimits()
    /// Refuses a bundle by its configuration, before anything else of the bundle is read. This room knows no containers,
    /// so whoever runs the images says what a container may ask for.
    public var bundleCheck: @Sendable (BundleConfiguration) throws(Failure) -> Void = { _ throws(Failure) in }
    private let lock: StoreLock

    /// The directory.
    public var path: String { directory.path }

    /// Opens the store at `path`; else at VMM_STORE; else root's at /var/lib/vmm and everybody else's at
    /// $XDG_DATA_HOME/vmm or ~/.local/share/vmm. It is made where there is none.
    public static func open(at path: String? = nil) throws(Failure) -> ImageStore {
        let directory =
            if let path { StoreDirectory(path: path) } else { try StoreDirectory.ofThisUser() }
        try directory.prepare()
        var store = try ImageStore(directory)
        store.limits = try ImportLimits(maxImportSize: nil)
        return store
    }

    private init(_ directory: StoreDirectory) throws(Failure) {
        lock = try StoreLock(.layers, of: directory, alone: false) {}
        self.directory = directory
    }

    /// The image that a user calls `name`: one of the store, or an OCI layout, an archive, a directory or a bundle that is
    /// imported where it is new or has changed, or one that is pulled from its registry. `allowsOutsideRoot` lets a bundle
    /// have its root file system wherever it says.
    public func image(
        for name: String, pull: PullPolicy = .missing, allowsOutsideRoot: Bool = false,
        progress: ProgressStyle = .automatic
    ) throws(Failure) -> Image {
        var request = ImageRequest(
            name: try ImageName(parsing: name), text: name, pull: pull, progress: progress,
            budget: ImportBudget(limits: limits))
        request.allowsOutsideRoot = allowsOutsideRoot
        return try find(request)
    }
}

/// What is asked of a store.
struct ImageRequest {
    var name: ImageName
    /// As the user wrote it.
    var text: String
    var pull: PullPolicy
    var progress: ProgressStyle
    /// Of what is brought in, if it is.
    var budget: ImportBudget
    /// Names that the image is to have, beside that by which it was asked for.
    var furtherName: RegistryReference?
    /// Whether it takes the names that it brings.
    var takesNames = false
    /// Whether it takes even those that a registry gave to another image.
    var movesNames = false
    /// Whether the root file system of a bundle may lie outside of it.
    var allowsOutsideRoot = false
}
