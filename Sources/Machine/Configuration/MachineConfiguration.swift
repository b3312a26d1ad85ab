/// What a machine is to be: plain values, checked by `validate` before anything is built.
public struct MachineConfiguration: Sendable {
    public enum Console: String, Sendable, CaseIterable {
        /// The virtio console where the kernel has its driver built in, otherwise the serial port; the command line may name
        /// either (`settleConsole`).
        case automatic = "auto"
        /// A virtio console, /dev/hvc0 in the guest.
        case virtio
        /// A 16550A, /dev/ttyS0: what a kernel can use from its first instruction on.
        case serial
        /// Nothing goes in or out.
        case none
    }

    public var kernel: String
    /// Whether an ELF file is booted that does not look like a kernel.
    public var allowsAnyKernel = false
    /// Laid one after another in memory, as the kernel unpacks them.
    public var initramfs: [String] = []
    /// Replaces `defaultCommandLine` where it is not nil.
    public var commandLine: String?
    /// Goes after the command line.
    public var appendedCommandLine: String?
    public var memoryByteCount: UInt64 = 256 << 20
    public var cpuCount = 1
    public var disks: [DiskConfiguration] = []
    /// Files that the guest sees as one persistent memory, one after another (`PmemFiles`); none: no such device.
    public var persistentMemory: [String] = []
    /// Whether there is an entropy device. A kernel that has RDRAND, or the time to gather noise, does without.
    public var hasEntropy = true
    public var console = Console.virtio
    /// Whether a serial port shows what the kernel prints before the virtio console is there (`settleConsole`).
    var hasEarlySerial = false
    /// Nothing goes into the console, and its last words are kept (`Machine.consoleTail`) instead of being printed.
    public var keepsConsole = false

    public init(kernel: String) {
        self.kernel = kernel
    }

    /// The most CPUs a machine may have.
    public static let maximumCPUCount = 64
    /// The least memory that any kernel of ours starts in, 1 MiB above the legacy area.
    public static let minimumMemoryByteCount: UInt64 = 2 << 20
}

/// A disk as the user names it: FILE[,ro][,id=NAME][,sector=SIZE][,format=raw].
public struct DiskConfiguration: Hashable, Sendable {
    public var path: String
    public var isReadOnly = false
    /// What the guest reads as the disk's serial number: at most 20 bytes (Virtio 1.2, 5.2.6, VIRTIO_BLK_T_GET_ID).
    public var identifier: String?
    /// The size of a sector that the guest sees; nil: the device's own, or 512 bytes.
    public var sectorByteCount: UInt32?
    /// Whether the content is a raw disk's whatever it looks like.
    public var isRaw = false

    public init(path: String) {
        self.path = path
    }
}
