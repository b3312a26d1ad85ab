public import AgentProtocol
public import Cgroups
public import Host
public import Images
public import Machine

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

extension ContainerPlan {
    /// Makes the configuration of the container's VM.
    ///
    /// The image is persistent memory, `disk` is the disk of the writable layer, and the output of the
    /// kernel's console is kept for the report of a failure.
    public func machine(_ files: GuestFiles, image: Image, disk: String?, append: String?)
        -> MachineConfiguration
    {
        var machine = MachineConfiguration(kernel: files.kernel)
        machine.initramfs = [files.initramfs]
        machine.memoryByteCount = memoryByteCount
        machine.cpuCount = cpuCount
        machine.persistentMemory = image.files
        machine.console = .serial
        machine.keepsConsole = true
        machine.commandLine = commandLine(append)
        if let disk {
            var writable = DiskConfiguration(path: disk)
            writable.identifier = "writable"
            machine.disks = [writable]
        }
        return machine
    }

    /// The number of the kernel's own threads, which `kernel.threads-max` counts too.
    private static let kernelThreadCount: UInt64 = 100

    /// Limits the hash tables of Linux's dentry and inode caches. Linux sizes them for a file server, and
    /// clearing them is a good part of a start. An eighth of that size is left, and never less than a small
    /// guest needs.
    private static func hashTables(_ memoryByteCount: UInt64) -> [String] {
        let names = max(memoryByteCount >> 16, 2048)
        return ["dhash_entries=\(names)", "ihash_entries=\(names / 2)"]
    }

    /// Makes the kernel's command line. `quiet` keeps the console free of messages until a panic, and
    /// `panic=-1` resets the VM at once after one. Everything after `--` is for init.
    private func commandLine(_ append: String?) -> String {
        var words = ["console=ttyS0 quiet panic=-1"]
        words += Self.hashTables(memoryByteCount)
        if let count = limits.processCount {
            words.append("sysctl.kernel.threads-max=\(count + Self.kernelThreadCount)")
        }
        // guest/edits.sh reads container_devices=: the usual devices and those listed are accessible, no
        // others.
        if !container.isPrivileged {
            let devices = container.devices.map { "c\($0.major):\($0.minor)" }
            words.append("container_devices=" + devices.joined(separator: ","))
        }
        if let append { words.append(append) }
        return (words + ["-- vmm.agent"]).joined(separator: " ")
    }
}

extension ContainerPlan {
    /// The memory that the guest's kernel needs for each page of persistent memory, holes of sparse files
    /// included (Linux, struct page).
    private static let pageRecordByteCount: UInt64 = 64
    private static let pageByteCount: UInt64 = 4096

    /// Refuses a VM whose kernel would spend all its memory on the page structures of the image.
    func checkMemory(for image: Image, called name: String) throws(Failure) {
        let byteCount = image.files.reduce(UInt64(0)) {
            $0.addingReportingOverflow(FileStatus(of: $1)?.byteCount ?? 0).partialValue
        }
        let needed = byteCount / Self.pageByteCount * Self.pageRecordByteCount
        guard needed >= memoryByteCount else { return }
        throw Failure(
            .usage, "cannot run \(name.printable) in \(memoryByteCount >> 20) MiB of memory",
            because: "its kernel needs \(needed >> 20) MiB to manage the \(byteCount >> 30) GiB of the image",
            cure: "Use a larger guest: --memory \((needed >> 20) + 256)m")
    }
}

extension ContainerPlan {
    /// Refuses what the agent or the guest's kernel would refuse with a less clear message. `image` is the
    /// name that the user gave.
    static func checkSize(
        of container: ContainerSpecification, _ process: ProcessSpecification, image: String
    ) throws(Failure) {
        if let why = CommandSize.problem(process.arguments + process.environment) {
            throw Failure(
                .usage, "cannot run \(image.brief)", because: "the command and its environment are too long",
                cure:
                    "Linux allows \(why); the image's settings, --env, --env-file and the command all count.")
        }
        let byteCount = container.byteCount + process.byteCount
        // The monitor sends both frames before the agent reads, so their sum is limited like a single frame.
        let limit = min(FrameHeader.payloadLimit(.container), FrameHeader.payloadLimit(.start))
        guard byteCount <= limit else {
            throw Failure(
                .usage, "cannot run \(image.brief)",
                because: "its specification takes \(byteCount) bytes; the limit is \(limit)",
                cure: "Use fewer mounts, masked paths, groups or variables.")
        }
    }
}

extension ByteValue {
    fileprivate var byteCount: Int { fileBytes.count }
}
