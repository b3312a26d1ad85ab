import Arguments
import Host
import Logging
import Machine

/// `vmm boot`: boots a Linux kernel and its initramfs from a terminal. The values are as the user wrote them.
struct BootOptions: Command, Equatable {
    var kernel = ""
    var initrd: [String] = []
    var cmdline: String?
    var append: String?
    var memory = "256M"
    var cpus = "1"
    var disk: [String] = []
    var pmem: [String] = []
    var console = MachineConfiguration.Console.automatic
    var timings: String?
    var logLevel = Logger.Level.warning
    var allowsEmulation = false
    var allowsAnyKernel = false

    static let commandName = "boot"

    static var page: Page {
        Page(
            "Boot a Linux kernel in a micro-VM.",
            """
            The guest's console is this terminal; Ctrl-A h lists the keys that control vmm itself. SIGTERM presses the \
            guest's power button.
            """,
            required: "--kernel FILE",
            statuses: [
                ExitStatus("0", "the guest powered off"),
                ExitStatus("3", "the guest asked for a reset"),
                ExitStatus("4", "the guest's kernel panicked"),
                ExitStatus("5", "a vCPU met a triple fault"),
                ExitStatus("6", "KVM could not continue a vCPU"),
                .usage, .badInput, .missingInput, .unavailable, .software, .host, .output, .inUse,
                .notPermitted, .endedByUser,
                ExitStatus("143", "SIGTERM, a second time"),
            ])
    }

    mutating func declare(_ options: inout Options) {
        options.value(
            "kernel", .file("FILE"), "Boot this kernel: an ELF vmlinux, a bzImage or a unified kernel image.",
            to: &kernel)
        options.value(
            "initrd", .file("FILE"), "Load this initramfs, behind those named before.", to: &initrd)
        options.value("cmdline", .text("TEXT"), "Replace the default kernel command line.", to: &cmdline)
        options.value("append", .text("TEXT"), "Append text to the kernel's command line.", to: &append)
        options.value("memory", .text("SIZE"), "Memory of the guest, with K, M or G.", to: &memory)
        options.value("cpus", .text("COUNT"), "Number of CPUs, 1 to 64.", to: &cpus)
        options.value(
            "disk", .file("FILE[,ro][,id=NAME][,sector=SIZE][,format=raw]"),
            "Attach a raw disk image or a block device.", to: &disk)
        options.value(
            "pmem", .file("FILE[,FILE]..."),
            "Show files to the guest as a read-only persistent memory, /dev/pmem0, one behind the other.",
            to: &pmem)
        options.choice(
            "console", "KIND",
            "The guest's console: virtio, serial or none; auto chooses one that the kernel has a driver for.",
            to: &console)
        options.value(
            "timings", .file("FILE"), "Write the time of each step to a file, as JSON.", to: &timings)
        options.choice(
            "log-level", "LEVEL",
            "Lowest level to log: trace, debug, info, notice, warning, error or critical.", to: &logLevel)
        options.flag(
            "allow-emulation", "Run without hardware virtualization, where only tiny guests work.",
            to: &allowsEmulation)
        options.flag(
            "allow-any-kernel",
            "Boot an ELF file that does not look like a kernel, by the 64-bit Linux boot protocol.",
            to: &allowsAnyKernel)
    }

    func run() throws(Failure) {
        if kernel.isEmpty { throw Self.missing("option --kernel", path: "vmm boot") }
        try Boot.run(self)
    }
}
