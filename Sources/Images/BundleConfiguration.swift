/// The part of an OCI bundle's `config.json` that a VM can implement (OCI runtime 1.2, config.md).
public struct BundleConfiguration: Hashable, Sendable {
    public struct User: Hashable, Sendable {
        public var userID: UInt32 = 0
        public var groupID: UInt32 = 0
        public var additionalGroupIDs: [UInt32] = []

        public init() {}
    }

    /// Sets of capability names such as `CAP_CHOWN`.
    public struct Capabilities: Hashable, Sendable {
        public var bounding: [String] = []
        public var effective: [String] = []
        public var inheritable: [String] = []
        public var permitted: [String] = []
        public var ambient: [String] = []

        public init() {}
    }

    public struct ResourceLimit: Hashable, Sendable {
        /// The name of the limit, such as `RLIMIT_NOFILE`.
        public var type: String
        public var soft: UInt64
        public var hard: UInt64

        public init(type: String, soft: UInt64, hard: UInt64) {
            self.type = type
            self.soft = soft
            self.hard = hard
        }
    }

    public struct Mount: Hashable, Sendable {
        /// An absolute path in the container.
        public var destination: String
        /// The type: `tmpfs`, `proc`, `bind` and so on; empty if only the options tell.
        public var type: String
        public var source: String
        public var options: [String]

        public init(destination: String, type: String = "", source: String = "", options: [String] = []) {
            self.destination = destination
            self.type = type
            self.source = source
            self.options = options
        }
    }

    public var isTerminal = false
    public var user = User()
    public var arguments: [String] = []
    public var environment: [String] = []
    public var workingDirectory = "/"
    /// The capabilities; nil if the file has none.
    public var capabilities: Capabilities?
    public var limits: [ResourceLimit] = []
    public var noNewPrivileges = false
    /// The path of the root file system as written in the file: absolute, or relative to the bundle's
    /// directory.
    public var rootPath = "rootfs"
    public var isRootReadOnly = false
    public var hostname = ""
    public var mounts: [Mount] = []
    public var maskedPaths: [String] = []
    public var readOnlyPaths: [String] = []

    public init() {}
}
