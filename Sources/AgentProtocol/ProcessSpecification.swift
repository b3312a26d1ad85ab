#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    public import Host
#endif

/// A process of the container: its first, or a later one that is executed beside it.
public struct ProcessSpecification: ByteValue {
    /// The five sets of capabilities(7), one bit for each capability.
    public struct Capabilities: ByteValue {
        public var bounding: UInt64
        public var effective: UInt64
        public var inheritable: UInt64
        public var permitted: UInt64
        public var ambient: UInt64

        /// Makes the sets of a process that is bounded by `set`. A process of user 0 also has these
        /// capabilities, a process of another user has none.
        public init(_ set: UInt64) {
            bounding = set
            effective = set
            permitted = set
            inheritable = 0
            ambient = 0
        }
    }

    /// A resource limit: setrlimit(2).
    public struct ResourceLimit: ByteValue {
        /// The RLIMIT_ number of x86-64: 0 to 15.
        public var resource: UInt8
        public var soft: UInt64
        public var hard: UInt64

        public init(resource: UInt8, soft: UInt64, hard: UInt64) {
            self.resource = resource
            self.soft = soft
            self.hard = hard
        }
    }

    /// The program and its arguments; never empty. A program without a slash is looked up in the
    /// environment's PATH.
    public var arguments: [String]
    /// The environment variables, each as NAME=VALUE.
    public var environment: [String]
    /// An absolute path in the container. If it is missing, it is made with its parents.
    public var workingDirectory = "/"
    /// The user as `user` or `user:group`: names of the container's /etc/passwd and /etc/group, or numbers.
    /// Empty means user 0.
    public var user = ""
    /// Supplementary groups, names or numbers. If `user` names no group, the user's groups in /etc/group are
    /// added.
    public var groups: [String] = []
    public var capabilities: Capabilities
    public var limits: [ResourceLimit] = []
    public var noNewPrivileges = false
    /// The size of the terminal that is standard input, output and error; nil for a process without a
    /// terminal.
    public var terminal: TerminalSize?
    /// Whether the process has an input stream; otherwise it reads from /dev/null.
    public var hasInput = false

    public init(arguments: [String], environment: [String], capabilities: Capabilities) {
        self.arguments = arguments
        self.environment = environment
        self.capabilities = capabilities
    }

    public func write(to writer: inout ByteWriter) {
        writer.list(arguments) { $0.text($1) }
        writer.list(environment) { $0.text($1) }
        writer.text(workingDirectory)
        writer.text(user)
        writer.list(groups) { $0.text($1) }
        capabilities.write(to: &writer)
        writer.list(limits) { $1.write(to: &$0) }
        writer.flag(noNewPrivileges)
        writer.flag(terminal != nil)
        terminal?.write(to: &writer)
        writer.flag(hasInput)
    }

    public init?(from reader: inout ByteReader) {
        guard let arguments = reader.list({ $0.text() }), !arguments.isEmpty,
            let environment = reader.list({ $0.text() }), let workingDirectory = reader.text(),
            let user = reader.text(), let groups = reader.list({ $0.text() }),
            let capabilities = Capabilities(from: &reader),
            let limits = reader.list({ ResourceLimit(from: &$0) }),
            let noNewPrivileges = reader.flag(), let hasTerminal = reader.flag()
        else { return nil }
        self.init(arguments: arguments, environment: environment, capabilities: capabilities)
        self.workingDirectory = workingDirectory
        self.user = user
        self.groups = groups
        self.limits = limits
        self.noNewPrivileges = noNewPrivileges
        if hasTerminal {
            guard let size = TerminalSize(from: &reader) else { return nil }
            terminal = size
        }
        guard let hasInput = reader.flag() else { return nil }
        self.hasInput = hasInput
    }
}

extension ProcessSpecification.Capabilities {
    public func write(to writer: inout ByteWriter) {
        writer.u64(bounding)
        writer.u64(effective)
        writer.u64(inheritable)
        writer.u64(permitted)
        writer.u64(ambient)
    }

    public init?(from reader: inout ByteReader) {
        guard let bounding = reader.u64(), let effective = reader.u64(), let inheritable = reader.u64(),
            let permitted = reader.u64(), let ambient = reader.u64()
        else { return nil }
        self.init(bounding)
        self.effective = effective
        self.inheritable = inheritable
        self.permitted = permitted
        self.ambient = ambient
    }
}

extension ProcessSpecification.ResourceLimit {
    public func write(to writer: inout ByteWriter) {
        writer.u8(resource)
        writer.u64(soft)
        writer.u64(hard)
    }

    public init?(from reader: inout ByteReader) {
        guard let resource = reader.u8(), resource <= 15, let soft = reader.u64(), let hard = reader.u64()
        else {
            return nil
        }
        self.init(resource: resource, soft: soft, hard: hard)
    }
}
