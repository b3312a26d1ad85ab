import Host

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

extension BundleConfiguration {
    /// Reads a `config.json`. Ignores its other fields, which are for other runtimes.
    init(_ bytes: [UInt8], document: JSONDocument) throws(Failure) {
        self.init()
        let root = try document.root(bytes)
        let version = try root.member("ociVersion")
        _ = try version.required(try version.text())
        try readProcess(try root.member("process"))
        let files = try root.member("root")
        let path = try files.member("path")
        rootPath = try path.required(try path.text())
        isRootReadOnly = try files.member("readonly").boolean() ?? false
        hostname = try root.member("hostname").text() ?? ""
        for element in try root.member("mounts").elements() { mounts.append(try Mount(element)) }
        try root.check(mountCount: mounts.count)
        let linux = try root.member("linux")
        maskedPaths = try linux.member("maskedPaths").texts()
        readOnlyPaths = try linux.member("readonlyPaths").texts()
    }

    private mutating func readProcess(_ process: JSONField) throws(Failure) {
        isTerminal = try process.member("terminal").boolean() ?? false
        user = try User(try process.member("user"))
        arguments = try process.member("args").texts()
        environment = try process.member("env").texts()
        try process.checkCommand(arguments + environment)
        workingDirectory = try process.member("cwd").text() ?? "/"
        let sets = try process.member("capabilities")
        if sets.value != nil { capabilities = try Capabilities(sets) }
        for element in try process.member("rlimits").elements() { limits.append(try ResourceLimit(element)) }
        noNewPrivileges = try process.member("noNewPrivileges").boolean() ?? false
    }
}

extension BundleConfiguration.User {
    fileprivate init(_ field: JSONField) throws(Failure) {
        self.init()
        userID = try Self.identifier(try field.member("uid")) ?? 0
        groupID = try Self.identifier(try field.member("gid")) ?? 0
        for element in try field.member("additionalGids").elements() {
            additionalGroupIDs.append(try element.required(try Self.identifier(element)))
        }
    }

    private static func identifier(_ field: JSONField) throws(Failure) -> UInt32? {
        guard let number = try field.integer() else { return nil }
        guard let identifier = UInt32(exactly: number) else { throw field.wrong("a 32-bit number") }
        return identifier
    }
}

extension BundleConfiguration.Capabilities {
    fileprivate init(_ field: JSONField) throws(Failure) {
        self.init()
        bounding = try field.member("bounding").texts()
        effective = try field.member("effective").texts()
        inheritable = try field.member("inheritable").texts()
        permitted = try field.member("permitted").texts()
        ambient = try field.member("ambient").texts()
    }
}

extension BundleConfiguration.ResourceLimit {
    fileprivate init(_ field: JSONField) throws(Failure) {
        let (type, soft, hard) = (
            try field.member("type"), try field.member("soft"), try field.member("hard")
        )
        self.init(
            type: try type.required(try type.text()), soft: try soft.required(try soft.integer()),
            hard: try hard.required(try hard.integer()))
    }
}

extension BundleConfiguration.Mount {
    fileprivate init(_ field: JSONField) throws(Failure) {
        let destination = try field.member("destination")
        self.init(
            destination: try destination.required(try destination.text()),
            type: try field.member("type").text() ?? "", source: try field.member("source").text() ?? "",
            options: try field.member("options").texts())
    }
}
