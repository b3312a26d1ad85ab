public import AgentProtocol
public import Cgroups
public import Host
public import Images

/// A container as it is to be: what the agent is told, and what its machine needs. Made of what the image says and what
/// the user says, who has the last word.
public struct ContainerPlan: Sendable {
    /// Twelve hexadecimal digits; the host's name where the user gives none.
    public let identifier: String
    public let container: ContainerSpecification
    public let process: ProcessSpecification
    /// What asks the process to end.
    public let stopSignal: UInt8
    public let memoryByteCount: UInt64
    public let cpuCount: Int
    /// The size of the disk that the writable layer lies on, where it is one.
    public let writableByteCount: UInt64?
    public let limits: HostLimits

    /// Where the plan meets the machine that it is made on.
    public struct Host {
        /// A variable of the caller's environment.
        public var variable: (String) -> String?
        /// A file, whole.
        public var file: (String) throws(Failure) -> [UInt8]
        /// The caller's terminal.
        public var terminalSize: TerminalSize?

        public init(
            terminalSize: TerminalSize?, variable: @escaping (String) -> String?,
            file: @escaping (String) throws(Failure) -> [UInt8]
        ) {
            self.terminalSize = terminalSize
            self.variable = variable
            self.file = file
        }
    }

    /// Everything that makes no sense in `options` is a failure of kind `.usage`.
    public init(
        _ options: RunOptions, image: Image, identifier: String = Self.randomIdentifier(), host: Host
    ) throws(Failure) {
        try self.init(
            options, image: image.configuration, bundle: image.bundle, identifier: identifier, host: host)
        try checkMemory(for: image, called: options.image)
    }

    init(
        _ options: RunOptions, image: ImageConfiguration, bundle: BundleConfiguration? = nil,
        identifier: String, host: Host
    ) throws(Failure) {
        self.identifier = identifier
        try options.validate()
        try options.checkLabels(host.file)
        let security = try SecurityOptions(options.securityOptions, isPrivileged: options.isPrivileged)
        let writable = try WritableLayer(try options.writableLayer())
        let hostname = options.hostname ?? bundle?.hostname.orNil ?? identifier
        var container = try options.container(
            image, hostname: hostname, writable: writable, security: security)
        var process = try options.process(image, hostname: hostname, security: security, host: host)
        try bundle?.check()
        try bundle?.complete(&container)
        try bundle?.complete(&process, options)
        // By the user's word alone: a bundle comes from a stranger.
        let capabilities = try options.capabilities()
        container.isPrivileged = capabilities == .all && security.hasOpenSystemPaths
        container.kernelParameters = KernelParameters.list(
            capabilities, security: security, isPrivileged: container.isPrivileged, append: options.append)
        // The user's come last, and so have the last word.
        container.kernelParameters += try options.kernelParameters()
        for limit in ProcessSpecification.ResourceLimit.usual
        where !process.limits.contains(where: { $0.resource == limit.resource }) {
            process.limits.append(limit)
        }
        try Self.checkSize(of: container, process, image: options.image)
        self.container = container
        self.process = process
        stopSignal = try SignalNumber.parse(
            options.stopSignal ?? image.stopSignal.orIfEmpty("SIGTERM"),
            for: options.stopSignal == nil ? "the image's stop signal" : "--stop-signal")
        memoryByteCount = try options.memoryByteCount(for: container)
        cpuCount = try options.cpuCount()
        writableByteCount = writable.diskByteCount
        limits = try options.limits()
    }
}

extension ContainerPlan {
    /// Twelve hexadecimal digits that no other container has.
    public static func randomIdentifier() -> String {
        let text = String(UInt64.random(in: 0..<1 << 48), radix: 16)
        return String(repeating: "0", count: 12 - text.utf8.count) + text
    }
}

extension String {
    func orIfEmpty(_ other: String) -> String { isEmpty ? other : self }
}
