public import Arguments
public import Containers
public import Host

/// `vmm run`: runs a container in a VM of its own.
extension RunOptions: Command {
    public static let commandName = "run"

    public static var page: Page {
        Page(
            "Run a container in a virtual machine of its own.",
            """
            IMAGE is a name in the store or at a registry, docker://NAME, or a path that begins with / or . and leads \
            to an OCI layout, an archive of `podman save` or `docker save`, an OCI bundle, or rootfs:DIRECTORY. \
            Options end at IMAGE. COMMAND replaces the image's own command.

            The container and all that it wrote are removed when its process ends. Signals go to the process; the \
            third SIGINT or SIGTERM within ten seconds ends the virtual machine at once.

            The options are docker's. Options of docker run that are not listed here are accepted if they would change \
            nothing; the others are refused with a reason (docs/docker-options.md).
            """,
            statuses: [
                ExitStatus("n", "the process exited with n"),
                ExitStatus("128+n", "signal n ended the process"),
                ExitStatus(
                    "\(Run.failureStatus)",
                    "vmm or the guest's kernel failed, or the process exited with 0 and its output could not be written"
                ),
                ExitStatus("126", "the command cannot be run"),
                ExitStatus("127", "the command does not exist"),
            ])
    }

    public static var operands: Operands {
        Operands(
            "IMAGE [COMMAND [ARGUMENT]...]", count: 1...Int.max, endOptions: true, value: .image("IMAGE"))
    }

    public mutating func take(_ operands: [String]) {
        image = operands[0]
        command = Array(operands.dropFirst())
    }

    public func run() throws(Failure) { try Run.run(self) }

    public mutating func declare(_ options: inout Options) {
        declareProcess(&options)
        declarePrivileges(&options)
        declareContainer(&options)
        declareFiles(&options)
        declareMachine(&options)
        declareImage(&options)
    }

    private mutating func declareProcess(_ options: inout Options) {
        options.group("Process")
        options.flag(
            "interactive", letter: "i", "Connect standard input to the process.", to: &isInteractive)
        options.flag("tty", letter: "t", "Allocate a terminal for the process.", to: &hasTerminal)
        options.value(
            "env", letter: "e", .text("VARIABLE"),
            "Set an environment variable: NAME=VALUE, or NAME to copy its value from vmm's environment.",
            to: &environment)
        options.value(
            "env-file", .file("FILE"), "Read environment variables from a file, one a line.",
            to: &environmentFiles)
        options.value(
            "workdir", letter: "w", .text("PATH"), "Working directory in the container.",
            to: &workingDirectory)
        options.value(
            "user", letter: "u", .text("USER[:GROUP]"), "Run the process as this user and group.", to: &user)
        options.value(
            "group-add", .text("GROUP"), "Add a supplementary group to the process.", to: &groups)
        options.value(
            "entrypoint", .text("PROGRAM"), "Run this program instead of the image's entry point.",
            to: &entrypoint)
        options.value(
            "stop-signal", .text("SIGNAL"), "Send this signal to the process when vmm gets SIGTERM.",
            to: &stopSignal)
        options.flag("init", "Accepted for docker's sake: an init always reaps orphans.") {
            if !$0 { runsAsInit = true }
        }
        options.flag("no-init", "Run the process as process 1, without an init.", to: &runsAsInit)
    }

    private mutating func declarePrivileges(_ options: inout Options) {
        options.group("Privileges")
        options.value("cap-add", .text("NAME"), "Add a capability, or ALL.", to: &addedCapabilities)
        options.value("cap-drop", .text("NAME"), "Drop a capability, or ALL.", to: &droppedCapabilities)
        options.flag(
            "privileged",
            "Grant all capabilities, all devices of the guest, and write access to system paths.",
            to: &isPrivileged)
        options.value(
            "security-opt", .text("OPTION"), "Security option: no-new-privileges or systempaths=unconfined.",
            to: &securityOptions)
        options.value(
            "ulimit", .text("LIMIT"), "Set a resource limit: NAME=SOFT[:HARD].", to: &resourceLimits)
        options.value(
            "device", .text("DEVICE"), "Add a device of the guest, such as /dev/fuse.", to: &devices)
        options.value(
            "sysctl", .text("KEY=VALUE"), "Set a parameter of the guest's kernel.", to: &sysctls)
    }

    private mutating func declareContainer(_ options: inout Options) {
        options.group("Container")
        options.value(
            "name", .text("NAME"), "Name of the container, unique among running containers.", to: &name)
        options.value("hostname", letter: "h", .text("NAME"), "Host name of the container.", to: &hostname)
        options.value("domainname", .text("NAME"), "NIS domain name of the container.", to: &domainname)
        options.value(
            "label", letter: "l", .text("KEY[=VALUE]"), "Accepted for docker's sake: labels are not stored.",
            to: &labels)
        options.value(
            "label-file", .file("FILE"), "Accepted for docker's sake: a file of labels, one a line.",
            to: &labelFiles)
        options.flag("rm", "Accepted for docker's sake: containers are always removed.") { _ in }
    }

    private mutating func declareFiles(_ options: inout Options) {
        options.group("Files")
        options.flag("read-only", "Mount the root file system read-only.", to: &isReadOnly)
        options.value(
            "writable", .text("SIZE"),
            "Store what the container writes in memory, on a disk of this size (10G), or nowhere: memory, SIZE or none."
                + " (default: memory)",
            to: &writable)
        options.value("storage-opt", .text("OPTION"), "size=SIZE means --writable SIZE.", to: &storageOptions)
        options.value("tmpfs", .text("MOUNT"), "Mount a tmpfs: PATH[:OPTION,...].", to: &temporaryFileSystems)
        options.value(
            "mount", .text("MOUNT"), "Mount a tmpfs or an anonymous volume: type=tmpfs,target=PATH.",
            to: &mounts)
        options.value(
            "volume", letter: "v", .text("PATH"),
            "Mount an anonymous volume, which is removed with the container.", to: &volumes)
        options.value(
            "shm-size", .text("SIZE"),
            "Size of /dev/shm. (default: /dev/shm shares the memory of the writable layer)", to: &sharedMemory
        )
    }

    private mutating func declareMachine(_ options: inout Options) {
        options.group("Virtual machine")
        options.value(
            "memory", letter: "m", .text("SIZE"), "Limit the memory of the guest. (default: 256m)",
            to: &memory)
        options.value(
            "memory-swap", .text("SIZE"),
            "Limit memory and swap: a guest has no swap, so only --memory's size.",
            to: &memorySwap)
        options.value(
            "cpus", .text("NUMBER"),
            "Limit the CPU time to this number of CPUs, such as 1.5. The guest sees the next whole number."
                + " (default: 1)", to: &cpus)
        options.value(
            "pids-limit", .text("NUMBER"), "Maximum number of processes (-1: unlimited).", to: &processLimit)
        options.value("kernel", .file("FILE"), "Boot this kernel instead of vmm's own.", to: &kernel)
        options.value(
            "initrd", .file("FILE"), "Use this initramfs with an agent instead of vmm's own.", to: &initramfs)
        options.value("append", .text("TEXT"), "Append text to the kernel's command line.", to: &append)
        options.flag(
            "allow-emulation", "Run without hardware virtualization, where only tiny guests work.",
            to: &allowsEmulation)
    }

    private mutating func declareImage(_ options: inout Options) {
        options.group("Image and messages")
        options.choice(
            "pull", "WHEN", "Pull the image if it is missing in the store, always, or never.", to: &pull)
        options.flag("quiet", letter: "q", "Suppress the progress of a pull.", to: &isQuiet)
        options.value(
            "max-import-size", .text("SIZE"),
            "Maximum disk space of an import. (default: VMM_MAX_IMPORT_SIZE, or 64G)", to: &maxImportSize)
        options.flag(
            "allow-outside-root",
            "Let a bundle's config.json name a root file system outside of the bundle.",
            to: &allowsOutsideRoot)
        options.choice(
            "template", "POLICY",
            "Start from a template of the image and make one (auto), never, or fail without (require). "
                + "(default: VMM_TEMPLATE, or auto)",
            to: &template)
        options.value(
            "timings", .file("FILE"), "Write the time of each step to a file, as JSON.", to: &timings)
        options.choice(
            "log-level", "LEVEL",
            "Lowest level to log: trace, debug, info, notice, warning, error or critical.", to: &logLevel)
    }
}
