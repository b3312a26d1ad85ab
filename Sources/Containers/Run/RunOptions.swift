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

    // The run itself.
    public var pull = "missing"
    /// Whether an image is pulled without progress output.
    public var isQuiet = false
    /// Whether a bundle's root file system may lie outside the bundle.
    public var allowsOutsideRoot = false
    /// The maximum disk space of an import: SIZE.
    public var maxImportSize: String?
    public var timings: String?
    public var logLevel = "warning"

    public init() {}
}
