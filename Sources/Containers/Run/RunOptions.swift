public import Host
public import Images
public import Logging
public import Template

/// The options of `vmm run` as the user wrote them; `ContainerPlan` interprets them.
public struct RunOptions: Equatable, Sendable {
    public var image = ""
    /// The arguments after the image.
    public var command: [String] = []

    // The process.
    public var isInteractive = false
    public var hasTerminal = false
    /// NAME=VALUE, or NAME for the caller's value.
    public var environment: [String] = []
    public var environmentFiles: [String] = []
    public var workingDirectory: String?
    public var user: String?
    public var groups: [String] = []
    /// An empty string removes the image's entry point.
    public var entrypoint: String?
    public var addedCapabilities: [String] = []
    public var droppedCapabilities: [String] = []
    public var resourceLimits: [String] = []
    public var securityOptions: [String] = []
    public var isPrivileged = false
    /// docker's `--device`.
    public var devices: [String] = []
    /// KEY=VALUE.
    public var sysctls: [String] = []
    public var domainname: String?
    public var stopSignal: String?
    public var runsAsInit = false

    // The container.
    public var name: String?
    public var hostname: String?
    /// KEY or KEY=VALUE. Labels are checked but not stored: no command lists containers.
    public var labels: [String] = []
    public var labelFiles: [String] = []
    public var isReadOnly = false
    /// PATH[:OPTION[,OPTION...]]
    public var temporaryFileSystems: [String] = []
    /// The size of /dev/shm.
    public var sharedMemory: String?
    /// docker's `--mount` and `--volume`.
    public var mounts: [String] = []
    public var volumes: [String] = []
    /// docker's `--storage-opt`: `size=SIZE`.
    public var storageOptions: [String] = []
    /// SIZE for a disk, `memory` or `none`.
    public var writable: String?

    // The VM.
    public var memory: String?
    public var memorySwap: String?
    public var cpus: String?
    public var processLimit: String?
    public var kernel: String?
    public var initramfs: String?
    /// Words to add to the kernel's command line.
    public var append: String?
    public var allowsEmulation = false
    /// Nil for the value of VMM_TEMPLATE.
    public var template: TemplatePolicy?

    // The run itself.
    public var pull = PullPolicy.missing
    /// Whether an image is pulled without progress output.
    public var isQuiet = false
    /// Whether a bundle's root file system may lie outside the bundle.
    public var allowsOutsideRoot = false
    /// The maximum disk space of an import: SIZE.
    public var maxImportSize: String?
    public var timings: String?
    public var logLevel = Logger.Level.warning

    public init() {}
}

extension RunOptions {
    /// Refuses options that are invalid with every image.
    public func validate() throws(Failure) {
        try checkSwap()
        _ = try kernelParameters()
        for text in devices { _ = try DeviceOption(text) }
        _ = try temporaryMounts()
        _ = try anonymousVolumes()
        _ = try writableLayer()
        try checkName()
        try checkHostname()
    }

    private func checkName() throws(Failure) {
        guard let name else { return }
        let isWell =
            name.utf8.allSatisfy { isLetterOrDigit($0) || "_.-".utf8.contains($0) }
            && name.utf8.first.map(isLetterOrDigit) == true
        guard isWell, (2...128).contains(name.utf8.count) else {
            throw .invalid(
                name, for: "--name",
                because: "a name has letters, digits, _, . and -, and begins with a letter or digit",
                cure: "Write 2 to 128 of them.")
        }
    }

    private func checkHostname() throws(Failure) {
        guard let hostname else { return }
        guard HostName.isValid(hostname) else {
            throw .invalid(hostname, for: "--hostname", because: HostName.rule)
        }
    }

    private func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// Refuses labels that docker refuses. Labels are checked but not stored, because no command lists
    /// containers.
    func checkLabels(_ file: (String) throws(Failure) -> [UInt8]) throws(Failure) {
        for label in labels { try Self.checkLabel(label, "--label") }
        for path in labelFiles {
            let lines = try file(path).split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            for line in lines.map({ String(decoding: $0, as: UTF8.self) }) where !line.hasPrefix("#") {
                try Self.checkLabel(line, "--label-file \(path)")
            }
        }
    }

    private static func checkLabel(_ text: String, _ option: String) throws(Failure) {
        guard text.isEmpty || text.hasPrefix("=") else { return }
        throw .invalid(text, for: option, because: "it has no key", cure: "Write KEY=VALUE, or KEY alone.")
    }
}
