public import GuestMemory
public import Host

/// How the guest's first CPU begins.
public struct BootEntry: Equatable, Sendable {
    public enum Form: Equatable, Sendable {
        /// 32-bit, by the x86/HVM direct boot ABI.
        case pvh
        /// 64-bit, by the Linux x86 boot protocol.
        case linux64
    }

    public let form: Form
    public let state: EntryState
}

/// Brings a kernel and all that it is told into the guest's memory: what a boot loader and a BIOS do on a PC.
public enum LinuxLoader {
    /// Loads `kernel` and `initramfs` (paths), writes the firmware tables, the command line and the boot data of the
    /// entry that the kernel has. `memory` is fresh: all of it is zero.
    public static func load(
        kernel: String, initramfs: [String] = [], commandLine: String, machine: MachineDescription,
        policy: LoadPolicy = LoadPolicy(), into memory: GuestMemory
    ) throws(Failure) -> BootEntry {
        try place(kernel: kernel, initramfs: initramfs, policy: policy, into: memory)
            .finish(commandLine: commandLine, machine: machine)
    }

    /// Loads `kernel` and `initramfs` (paths), which then lie in `memory` and are yet to be told of their machine. `memory` is
    /// fresh: all of it is zero.
    public static func place(
        kernel: String, initramfs: [String] = [], policy: LoadPolicy = LoadPolicy(), into memory: GuestMemory
    ) throws(Failure) -> PlacedKernel {
        let image = try KernelImage(InputFile(kernel, as: "kernel"))
        try checkRoom(memory)
        // Both are opened before either is loaded: a mistyped path is told at once.
        let archives = try Initramfs(initramfs)
        let kernel = try image.load(into: memory, policy)
        let range = try archives.load(
            into: memory, above: kernel.end, upTo: kernel.header?.initramfsLimit ?? .max,
            policy.initramfsPages)
        return PlacedKernel(image: image, kernel: kernel, initramfs: range, memory: memory)
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
