import ArgumentParser
import Containers
import Host

/// `vmm run`: runs a container in a VM of its own.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a command in a container that has a machine of its own.",
        usage: "vmm run [<options>] <image> [<command> [<argument> ...]]",
        discussion: """
            The image is a name in the store or at a registry, docker://NAME, or a path that begins with / or .: an OCI \
            layout, an archive of `podman save` or `docker save`, an OCI bundle, or rootfs:DIRECTORY. Options end at the \
            image. The container and what it wrote are gone when its process ends. Signals go to the process; the third \
            SIGINT or SIGTERM within ten seconds ends its machine at once.

            Exit status: the process's own; 128 and the number of the signal that ended it; 125 when vmm or the \
            guest's kernel failed, or output of a process that ended with 0 could not be written; 126 when the command \
            cannot be run, 127 when it is not there.

            Options of docker's that are not listed here are accepted where they would change nothing; the others \
            are refused with a reason (docs/docker-options.md).
            """,
        // -h is --hostname, as in docker.
        helpNames: [.long])

    @Flag(name: [.short, .long], help: "Connect standard input to the process.")
    var interactive = false

    @Flag(name: [.short, .long], help: "Allocate a terminal for the process.")
    var tty = false

    @Flag(name: .customLong("rm"), help: "Accepted for docker's sake: containers are always removed.")
    var remove = false

    @Flag(name: .customLong("init"), help: "Accepted for docker's sake: an init always reaps orphans.")
    var initProcess = false

    @Flag(help: "Make the process the container's process 1, without that init.")
    var noInit = false

    @Flag(help: "Mount the root file system read-only.")
    var readOnly = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Name of the container, unique among those that run.", valueName: "name"))
    var name: String?

    @Option(
        name: [.customShort("e", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Set an environment variable: NAME=VALUE, or NAME for its value here.", valueName: "variable"))
    var env: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Read environment variables from a file, one a line.", valueName: "file"))
    var envFile: [String] = []

    @Option(
        name: [.customShort("w", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("Working directory in the container.", valueName: "path"))
    var workdir: String?

    @Option(
        name: [.customShort("u", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("User and group of the process: names or numbers.", valueName: "user[:group]"))
    var user: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Additional group of the process.", valueName: "group"))
    var groupAdd: [String] = []

    @Option(
        name: [.customShort("h", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("Host name of the container.", valueName: "name"))
    var hostname: String?

    @Option(
        name: [.customShort("l", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Accepted for docker's sake: nothing stores labels.", valueName: "key[=value]"))
    var label: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A file of labels, one a line; accepted like --label.", valueName: "file"))
    var labelFile: [String] = []

    @Option(
        name: [.customShort("m", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("Memory of the guest. (default: 256m)", valueName: "size"))
    var memory: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Memory and swap; a guest has no swap, so only --memory's size.", valueName: "size"))
    var memorySwap: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Number of CPUs, as 1.5; the guest has the next whole number. (default: 1)", valueName: "number"))
    var cpus: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Maximum number of processes (-1: unlimited).", valueName: "number"))
    var pidsLimit: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Mount a tmpfs: PATH[:OPTION,...].", valueName: "mount"))
    var tmpfs: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Size of /dev/shm. (default: it shares the memory of the writable layer)", valueName: "size"))
    var shmSize: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Mount a tmpfs or an anonymous volume: type=tmpfs,target=PATH.", valueName: "mount"))
    var mount: [String] = []

    @Option(
        name: [.customShort("v", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Anonymous volume, which ends with the container.", valueName: "path"))
    var volume: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("size=SIZE, the same as --writable SIZE.", valueName: "option"))
    var storageOpt: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Add a capability, or ALL.", valueName: "name"))
    var capAdd: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Drop a capability, or ALL.", valueName: "name"))
    var capDrop: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Set a resource limit: NAME=SOFT[:HARD].", valueName: "limit"))
    var ulimit: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Security option: no-new-privileges, or systempaths=unconfined.", valueName: "option"))
    var securityOpt: [String] = []

    @Flag(help: "Give the container all capabilities, all devices of its guest, and writable system paths.")
    var privileged = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Add a device of the guest, as /dev/fuse.", valueName: "device"))
    var device: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Set a parameter of the guest's kernel: KEY=VALUE.", valueName: "parameter"))
    var sysctl: [String] = []

    @Option(
        parsing: .unconditional, help: ArgumentHelp("NIS domain name of the container.", valueName: "name"))
    var domainname: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Signal that SIGTERM becomes in the container.", valueName: "signal"))
    var stopSignal: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Program to run instead of the image's entry point.", valueName: "program"))
    var entrypoint: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Where the container writes: memory, a disk of this size, or none. (default: memory)",
            valueName: "size"))
    var writable: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Kernel to boot instead of vmm's own.", valueName: "file")
    )
    var kernel: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Initramfs with an agent, instead of vmm's own.", valueName: "file"))
    var initrd: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Append text to the kernel's command line.", valueName: "text"))
    var append: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("When to pull the image: missing, always or never.", valueName: "when"))
    var pull = "missing"

    @Flag(name: [.short, .long], help: "Suppress the progress of a pull.")
    var quiet = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Maximum disk space of an import (default: VMM_MAX_IMPORT_SIZE, or 64G).", valueName: "size"))
    var maxImportSize: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Write the time of each step to a file, as JSON.", valueName: "file"))
    var timings: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Lowest level to log: trace, debug, info, notice, warning, error or critical.", valueName: "level"
        ))
    var logLevel = "warning"

    @Flag(help: "Run without hardware virtualization, where only tiny guests work.")
    var allowEmulation = false

    @Flag(help: "Let a bundle's config.json name a root file system outside of the bundle.")
    var allowOutsideRoot = false

    @Argument(
        parsing: .captureForPassthrough,
        help: ArgumentHelp("The image, the command and its arguments.", valueName: "image"))
    var words: [String] = []

    func run() throws { try Run.run(try options()) }
}
