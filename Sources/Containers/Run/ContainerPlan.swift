public import AgentProtocol
public import Cgroups
public import Host
public import Images

/// Everything that is known about a container before its start: the agent's instructions, and the resources
/// of its VM. It is made from the image's configuration and the user's options; the options win.
public struct ContainerPlan: Sendable {
    /// Twelve hexadecimal digits; also the host name if the user gives none.
    public let identifier: String
    public let container: ContainerSpecification
    public let process: ProcessSpecification
    /// The signal that asks the process to end.
    public let stopSignal: UInt8
    public let memoryByteCount: UInt64
    public let cpuCount: Int
    /// The size of the disk of the writable layer; nil if the writable layer is not on a disk.
    public let writableByteCount: UInt64?
    public let limits: HostLimits

    /// Everything that making a plan reads from the host.
    public struct Host {
        /// Returns a variable of the caller's environment.
        public var variable: (String) -> String?
        /// Reads a whole file.
        public var file: (String) throws(Failure) -> [UInt8]
        /// The size of the caller's terminal; nil if the caller has none.
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

    /// Makes the plan of a container of `image`.
    ///
    /// Throws a failure of kind `.usage` for an option with an invalid value.
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
        // Only the user's options decide: a bundle comes from a stranger.
        let capabilities = try options.capabilities()
        container.isPrivileged = capabilities == .all && security.hasOpenSystemPaths
        container.kernelParameters = KernelParameters.list(
            capabilities, security: security, isPrivileged: container.isPrivileged, append: options.append)
        // The user's parameters are set last, so they override the others.
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
    /// Makes an identifier of twelve random hexadecimal digits.
    public static func randomIdentifier() -> String {
        let text = String(UInt64.random(in: 0..<1 << 48), radix: 16)
        return String(repeating: "0", count: 12 - text.utf8.count) + text
    }
}

extension String {
    func orIfEmpty(_ other: String) -> String { isEmpty ? other : self }
}
