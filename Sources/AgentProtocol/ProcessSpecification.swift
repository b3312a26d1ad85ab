#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    public import Host
#endif

/// One process of the container: its first, or a later one that is executed beside it.
public struct ProcessSpecification: ByteValue {
    /// The five sets of capabilities(7), a bit each capability.
    public struct Capabilities: ByteValue {
        public var bounding: UInt64
        public var effective: UInt64
        public var inheritable: UInt64
        public var permitted: UInt64
        public var ambient: UInt64

        /// Bounded by `set`; a process of user 0 also has them, another has none.
        public init(_ set: UInt64) {
            bounding = set
            effective = set
            permitted = set
            inheritable = 0
            ambient = 0
        }
    }

    /// setrlimit(2).
    public struct ResourceLimit: ByteValue {
        /// RLIMIT_ numbers of x86-64: 0 to 15.
        public var resource: UInt8
        public var soft: UInt64
        public var hard: UInt64

        public init(resource: UInt8, soft: UInt64, hard: UInt64) {
            self.resource = resource
            self.soft = soft
            self.hard = hard
        }
    }

    /// The program, looked for in the environment's PATH where it has no slash, and its arguments; never empty.
    public var arguments: [String]
    /// NAME=VALUE each.
    public var environment: [String]
    /// An absolute path in the container. Made, with its parents, where it is missing.
    public var workingDirectory = "/"
    /// `user`, `user:group`, names or numbers, as the container's /etc/passwd and /etc/group know them; empty is user 0.
    public var user = ""
    /// Further groups, names or numbers. Those of /etc/group come with `user` where that gives no group.
    public var groups: [String] = []
    public var capabilities: Capabilities
    public var limits: [ResourceLimit] = []
    public var noNewPrivileges = false
    /// Its standard input, output and error are a terminal of this size.
    public var terminal: TerminalSize?
    /// Whether there is an input stream; without one it reads from /dev/null.
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
