import ArgumentParser

/// `vmm boot`: boots a Linux kernel and its initramfs from a terminal.
struct BootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "boot", abstract: "Boot a Linux kernel in a micro-VM.",
        discussion: """
            The guest's console is this terminal; Ctrl-A h lists the keys that reach vmm itself.

            Exit status:
              0    the guest powered off
              3    the guest asked for a reset         4    its kernel panicked
              5    a vCPU met a triple fault           6    KVM could not go on with a vCPU
              64   the command line makes no sense     65   a file that cannot be used
              66   a file that is not there            69   KVM is missing or cannot do it
              70   vmm itself failed                   71   the host refused a call
              74   the output cannot be written        75   a disk is in use
              77   not permitted                       130  ended by the user
              143  SIGTERM, a second time
            """)

    @Option(
        help: ArgumentHelp(
            "The kernel: an ELF vmlinux, a bzImage or a unified kernel image.", valueName: "file"))
    var kernel: String

    @Option(
        help: ArgumentHelp("An initramfs; several are laid one after another.", valueName: "file"))
    var initrd: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The kernel's command line, instead of the default.", valueName: "text"))
    var cmdline: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("More words for the kernel's command line.", valueName: "text"))
    var append: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The guest's memory, with K, M or G.", valueName: "size"))
    var memory = "256M"

    @Option(parsing: .unconditional, help: ArgumentHelp("The number of CPUs, 1 to 64.", valueName: "count"))
    var cpus = "1"

    @Option(
        help: ArgumentHelp(
            "A raw disk image or block device: FILE[,ro][,id=NAME][,sector=SIZE][,format=raw].",
            valueName: "disk"))
    var disk: [String] = []

    @Option(
        help: ArgumentHelp(
            "Files that the guest sees as a read-only persistent memory, /dev/pmem0, one after another.",
            valueName: "file[,file]..."))
    var pmem: [String] = []

    @Option(
        help: ArgumentHelp(
            "The guest's console: virtio, serial or none; auto takes the one that the kernel can use.",
            valueName: "kind"))
    var console = "auto"

    @Option(help: ArgumentHelp("Write the time of each step to this file, as JSON.", valueName: "file"))
    var timings: String?

    @Option(
        help: ArgumentHelp(
            "What to log: trace, debug, info, notice, warning, error or critical.", valueName: "level"))
    var logLevel = "warning"

    @Flag(help: "Go on where KVM has no hardware virtualization; only tiny guests run there.")
    var allowEmulation = false

    @Flag(
        help:
            "Boot an ELF file that does not look like a kernel, by the 64-bit entry of the Linux boot protocol."
    )
    var allowAnyKernel = false

    func run() throws {
        try Boot.run(arguments)
    }

    /// The options as `BootArguments.init(plain:)` returns them for a plain command line.
    var arguments: BootArguments {
        BootArguments(
            kernel: kernel, initrd: initrd, cmdline: cmdline, append: append, memory: memory, cpus: cpus,
            disk: disk, pmem: pmem, console: console, timings: timings, logLevel: logLevel,
            allowEmulation: allowEmulation, allowAnyKernel: allowAnyKernel)
    }
}
