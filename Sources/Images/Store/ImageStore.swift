import Glibc
public import Host
public import Layers
import SystemPackage

/// The rule for fetching an image from its registry.
public enum PullPolicy: String, Hashable, Sendable, CaseIterable {
    /// Fetch it if the store does not have it.
    case missing
    /// Fetch it every time.
    case always
    /// Never fetch it.
    case never
}

/// A directory of imported images, ready for VMs.
///
/// An `ImageStore` shares a lock on the directory. The layers of images that it returned stay in the store
/// while it lives, and their files stay for as long as they are open or mapped after that.
public struct ImageStore: ~Copyable, Sendable {
    let directory: StoreDirectory
    /// The limits on each import.
    public var limits = ImportLimits()
    /// Refuses a bundle by its configuration, before anything else of the bundle is read. This module knows
    /// no containers, so its user decides what a container may ask for.
    public var bundleCheck: @Sendable (BundleConfiguration) throws(Failure) -> Void = { _ throws(Failure) in }
    private let lock: StoreLock

    /// The path of the directory.
    public var path: String { directory.path }

    /// Whether the store belongs to the calling user. Root may have made it for others to read.
    public var belongsToThisUser: Bool { FileStatus(of: path)?.status.st_uid == geteuid() }

    /// Opens the store, and makes it if there is none. The directory is `path`, or VMM_STORE if `path` is
    /// nil. Otherwise it is /var/lib/vmm for root, and $XDG_DATA_HOME/vmm or ~/.local/share/vmm for other
    /// users.
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

    /// Returns the image called `name`. The name stands for one of:
    ///
    /// - an image in the store;
    /// - an OCI layout, an archive, a directory or a bundle, which is imported if it is new or has changed;
    /// - an image in a registry, which is pulled.
    ///
    /// `allowsOutsideRoot` lets a bundle have its root file system anywhere.
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

/// A request for an image.
struct ImageRequest {
    var name: ImageName
    /// The name as the user wrote it.
    var text: String
    var pull: PullPolicy
    var progress: ProgressStyle
    /// The budget of an import, if one is needed.
    var budget: ImportBudget
    /// An additional name for the image.
    var furtherName: RegistryReference?
    /// Whether the image keeps the names that its archive or layout gives it.
    var takesNames = false
    /// Whether it may take names that a registry gave to another image.
    var movesNames = false
    /// Whether the root file system of a bundle may lie outside the bundle.
    var allowsOutsideRoot = false
}

extension ImportLimits {
    private static let option = "--max-import-size"
    private static let variable = "VMM_MAX_IMPORT_SIZE"

    /// Reads the limit on an import from `--max-import-size` or else from VMM_MAX_IMPORT_SIZE. The default is
    /// 64 GiB.
    public init(maxImportSize text: String?) throws(Failure) {
        self.init()
        if let text {
            writtenByteCount = try Self.byteCount(text, of: Self.option)
        } else if let text = Environment.value(Self.variable) {
            writtenByteCount = try Self.byteCount(text, of: Self.variable)
        }
    }

    private static func byteCount(_ text: String, of name: String) throws(Failure) -> UInt64 {
        guard let byteCount = Quantity.byteCount(text), byteCount > 0 else {
            throw .invalid(
                text, for: name, because: "not a size", cure: "Write a size such as 500M, 64G or 1T.")
        }
        return byteCount
    }
}
