import Boot
import Layout

/// The description of a machine in plain values; `validate` checks them before anything is built.
public struct MachineConfiguration: Sendable {
    public enum Console: String, Sendable, CaseIterable {
        /// The virtio console if the kernel has its driver built in, otherwise the serial port. The kernel's
        /// command line may choose either (`settleConsole`).
        case automatic = "auto"
        /// A virtio console, /dev/hvc0 in the guest.
        case virtio
        /// A 16550A, /dev/ttyS0, which a kernel can use from its first instruction on.
        case serial
        /// The guest gets no console.
        case none
    }

    public var kernel: String
    /// Whether to boot an ELF file that does not look like a kernel.
    public var allowsAnyKernel = false
    /// The initramfs files. They are placed one after another in memory, and the kernel unpacks them in that
    /// order.
    public var initramfs: [String] = []
    /// The command line that replaces `defaultCommandLine`, unless it is nil.
    public var commandLine: String?
    /// Parameters that are appended to the command line.
    public var appendedCommandLine: String?
    public var memoryByteCount: UInt64 = 256 << 20
    public var cpuCount = 1
    public var disks: [DiskConfiguration] = []
    /// Files that the guest sees as one persistent memory, one after another (`PmemFiles`). Empty: the
    /// machine has no such device.
    public var persistentMemory: [String] = []
    /// Whether the machine has an entropy device. A kernel with RDRAND, or with time to gather noise, does
    /// not need one.
    public var hasEntropy = true
    public var console = Console.virtio
    /// Whether a serial port shows the kernel's messages from before the virtio console works
    /// (`settleConsole`).
    var hasEarlySerial = false
    /// Whether the console takes no input and its last output is kept in memory (`Machine.consoleTail`)
    /// instead of being printed.
    public var keepsConsole = false

    public init(kernel: String) {
        self.kernel = kernel
    }

    /// The largest number of CPUs that a machine may have.
    public static let maximumCPUCount = 64
    public static let minimumMemoryByteCount = Layout.leastMemoryByteCount
}

/// A disk as the user names it: FILE[,ro][,id=NAME][,sector=SIZE][,format=raw].
public struct DiskConfiguration: Hashable, Sendable {
    public var path: String
    public var isReadOnly = false
    /// The serial number that the guest reads from the disk: at most 20 bytes (Virtio 1.2, 5.2.6,
    /// VIRTIO_BLK_T_GET_ID).
    public var identifier: String?
    /// The size of a sector that the guest sees. Nil: the size of the device's sectors, or 512 bytes for an
    /// image.
    public var sectorByteCount: UInt32?
    /// Whether to treat the content as a raw disk even if it looks like another format.
    public var isRaw = false

    public init(path: String) {
        self.path = path
    }
}

extension MachineConfiguration {
    /// The default command line: it names the console, and makes a panic end the machine instead of hanging
    /// it.
    public var defaultCommandLine: String {
        let console =
            switch self.console {
            case .virtio where hasEarlySerial: "earlyprintk=ttyS0,115200 console=hvc0 "
            case .virtio: "console=hvc0 "
            case .serial, .automatic: "console=ttyS0 "
            case .none: ""
            }
        return console + "panic=-1"
    }

    /// Returns the complete command line of the kernel. The kernel's own command line follows the default
    /// one, and so overrides it.
    ///
    /// Additional parameters go in front, because everything after `--` belongs to init:
    ///
    /// - A kernel without ACPI, or with `acpi=off`, gets the parameters that describe its devices.
    /// - A kernel whose ACPI finds no devices gets these and `acpi=off`.
    /// - A kernel that is not to use kvm-clock gets the frequency of its time stamp counter in kHz, if KVM
    ///   knows it. To measure the frequency the kernel would need a timer whose every access is an exit.
    func kernelCommandLine(
        on description: MachineDescription, for kernel: LinuxLoader.KernelTraits = LinuxLoader.KernelTraits(),
        timeStampFrequency: () -> UInt32? = { nil }
    ) -> String {
        var line = commandLine ?? defaultCommandLine
        if commandLine == nil, let own = kernel.commandLine { line += " " + own }
        if let appendedCommandLine { line += (line.isEmpty ? "" : " ") + appendedCommandLine }
        if kernel.acpi == .findsNoDevices { line = "acpi=off " + line }
        let switches = KernelSwitches(line)
        if switches.turnsOffKVMClock, let frequency = timeStampFrequency() {
            line = "tsc_early_khz=\(frequency) " + line
        }
        if kernel.acpi == .none || switches.turnsOffACPI {
            line = description.commandLineParameters + " " + line
        }
        return line
    }
}
