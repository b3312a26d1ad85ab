public import GuestMemory
public import Host
import Layout

/// The state in which the guest's first CPU starts, and the protocol by which it does.
public struct BootEntry: Equatable, Sendable {
    public enum Form: Equatable, Sendable {
        /// 32-bit entry, by the x86/HVM direct boot ABI.
        case pvh
        /// 64-bit entry, by the Linux x86 boot protocol.
        case linux64
    }

    public let form: Form
    public let state: EntryState
    /// Whether the kernel may leave its CPUs' local APICs off: because of its command line, or because it
    /// does without the ACPI table that describes them.
    public let mayLackLocalAPIC: Bool
}

/// What a kernel can do with the ACPI tables.
public enum ACPISupport: Equatable, Sendable {
    /// The kernel finds its CPUs and devices by ACPI.
    case complete
    /// The kernel was built without ACPI.
    case none
    /// The kernel was built with ACPI and without PCI. Without a handler for PCI's configuration space Linux
    /// refuses to load the DSDT ("AE_BAD_PARAMETER, During Region initialization"), but has given up the
    /// 8259A by then. So it finds no device, and no interrupt of one that the command line names.
    case findsNoDevices
}

/// Loads a kernel and writes its boot data into the guest's memory, as a boot loader and a BIOS do on a PC.
public enum LinuxLoader {
    /// Properties of a kernel's file that affect the command line.
    public struct KernelTraits: Equatable, Sendable {
        /// The command line that comes with the kernel, in a unified kernel image.
        public var commandLine: String?
        /// What the kernel can do with the ACPI tables, as far as its file shows.
        public var acpi = ACPISupport.complete

        public init() {}
    }

    /// Loads `kernel` and `initramfs` (paths), and writes the firmware tables, the boot data for the kernel's
    /// entry, and the command line. `commandLine` makes the command line after the kernel was loaded.
    /// `memory` must be fresh: all of it is zero.
    public static func load(
        kernel: String, initramfs: [String] = [], description: MachineDescription,
        policy: LoadPolicy = LoadPolicy(), into memory: GuestMemory, commandLine: (KernelTraits) -> String
    ) throws(Failure) -> BootEntry {
        let placed = try place(kernel: kernel, initramfs: initramfs, policy: policy, into: memory)
        return try placed.finish(commandLine: commandLine(placed.traits), description: description)
    }

    /// Loads `kernel` and `initramfs` (paths) into `memory`. The tables and boot data that describe the
    /// machine are still missing. `memory` must be fresh: all of it is zero.
    public static func place(
        kernel: String, initramfs: [String] = [], policy: LoadPolicy = LoadPolicy(), into memory: GuestMemory
    ) throws(Failure) -> PlacedKernel {
        try checkRoom(memory)
        let file = try InputFile(kernel, as: "kernel")
        let prefix = try file.bytes(at: 0, byteCount: KernelFormat.prefixByteCount)
        var traits = KernelTraits()
        // A bzImage is an EFI program too, without a section .linux.
        guard prefix.has("MZ"), !KernelFormat.isBzImage(prefix),
            var unified = try UnifiedKernel.parts(of: file, prefix: prefix)
        else {
            return try place(
                KernelImage(file, prefix: prefix), Initramfs(initramfs), traits, policy, memory)
        }
        traits.commandLine = unified.commandLine
        let archives = try Initramfs(initramfs, after: unified.microcode.take(), unified.initramfs.take())
        return try place(KernelImage(unified.kernel), archives, traits, policy, memory)
    }

    /// Loads the kernel and the initramfs. The caller has opened all files before, so that a mistyped path
    /// fails at once.
    private static func place(
        _ image: consuming KernelImage, _ archives: consuming Initramfs, _ traits: KernelTraits,
        _ policy: LoadPolicy, _ memory: GuestMemory
    ) throws(Failure) -> PlacedKernel {
        let kernel = try image.load(into: memory, policy)
        var traits = traits
        traits.acpi = kernel.acpi
        let range = try archives.load(
            into: memory, above: kernel.end, upTo: kernel.header?.initramfsLimit ?? .max,
            policy.initramfsPages)
        return PlacedKernel(image: image, kernel: kernel, traits: traits, initramfs: range, memory: memory)
    }

    private static func checkRoom(_ memory: GuestMemory) throws(Failure) {
        guard memory.byteCount >= Layout.leastMemoryByteCount else {
            throw Failure(
                .usage, "cannot boot with \(memory.byteCount >> 10) KiB of memory",
                because: "the boot data alone need the first \(Layout.leastMemoryByteCount >> 20) MiB",
                cure: "Give the guest more: --memory 128M.")
        }
    }
}
