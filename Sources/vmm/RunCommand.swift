import ArgumentParser
import Containers
import Host

/// `vmm run`: a container in a machine of its own.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a command in a container that has a machine of its own.",
        usage: "vmm run [<options>] <image> [<command> [<argument> ...]]",
        discussion: """
            The image is a name in the store or at a registry, docker://NAME, or a path: an OCI layout, an archive \
            of `podman save` or `docker save`, an OCI bundle, or rootfs:DIRECTORY. Options end at the image. The \
            container and what it wrote are gone when its process ends. Signals go to the process; the third SIGINT or \
            SIGTERM within ten seconds ends its machine at once.

            Exit status: the process's own; 128 and the number of the signal that ended it; 125 when vmm or the \
            guest's kernel failed, 126 when the command cannot be run, 127 when it is not there.
            """)

    @Flag(name: [.short, .long], help: "Give the process our standard input.")
    var interactive = false

    @Flag(name: [.short, .long], help: "Give the process a terminal.")
    var tty = false

    @Flag(name: .customLong("rm"), help: "Leave nothing behind; it never does.")
    var remove = false

    @Flag(name: .customLong("init"), help: "Have a small init reap orphans; it always does.")
    var initProcess = false

    @Flag(help: "Make the process the container's process 1, without that init.")
    var noInit = false

    @Flag(help: "Mount the root file system read-only.")
    var readOnly = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The container's name, which no other that runs has.", valueName: "name"))
    var name: String?

    @Option(
        name: [.customShort("e", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A variable: NAME=VALUE, or NAME for its value here.", valueName: "variable"))
    var env: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A file of variables, one a line.", valueName: "file"))
    var envFile: [String] = []

    @Option(
        name: [.customShort("w", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("The directory to work in.", valueName: "path"))
    var workdir: String?

    @Option(
        name: [.customShort("u", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("The user, and the group: names or numbers.", valueName: "user[:group]"))
    var user: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A further group of the process.", valueName: "group"))
    var groupAdd: [String] = []

    @Option(parsing: .unconditional, help: ArgumentHelp("The container's host name.", valueName: "name"))
    var hostname: String?

    @Option(
        name: [.customShort("m", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("The memory of the machine. (default: 256m)", valueName: "size"))
    var memory: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The share of CPUs, as 1.5; the machine has as many whole ones. (default: 1)", valueName: "number"
        ))
    var cpus: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The most processes; -1 is no limit.", valueName: "number"))
    var pidsLimit: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A tmpfs: PATH[:OPTION,...].", valueName: "mount"))
    var tmpfs: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A capability to add, or ALL.", valueName: "name"))
    var capAdd: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A capability to drop, or ALL.", valueName: "name"))
    var capDrop: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A resource limit: NAME=SOFT[:HARD].", valueName: "limit"))
    var ulimit: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("no-new-privileges, or systempaths=unconfined.", valueName: "option"))
    var securityOpt: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("What SIGTERM becomes in the container.", valueName: "signal"))
    var stopSignal: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The program, instead of the image's entry point.", valueName: "program"))
    var entrypoint: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "What can be written to: memory, a disk of that size, or none. (default: memory)",
            valueName: "size"))
    var writable: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Another kernel.", valueName: "file"))
    var kernel: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Another initramfs, with an agent in it.", valueName: "file"))
    var initrd: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("More words for the kernel's command line.", valueName: "text"))
    var append: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("When to ask the registry: missing, always or never.", valueName: "when"))
    var pull = "missing"

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Write the time of each step to this file, as JSON.", valueName: "file"))
    var timings: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "What to log: trace, debug, info, notice, warning, error or critical.", valueName: "level"))
    var logLevel = "warning"

    @Flag(help: "Go on where KVM has no hardware virtualization; only tiny guests run there.")
    var allowEmulation = false

    @Argument(
        parsing: .captureForPassthrough,
        help: ArgumentHelp("The image, the command and its arguments.", valueName: "image"))
    var words: [String] = []

    func run() throws {
        // The library leaves this to the words, too.
        if let first = words.first, first == "-h" || first == "--help" { throw CleanExit.helpRequest(self) }
        try Run.run(try options())
    }

    /// The same as `RunOptions.init(plain:)` makes of a command line.
    func options() throws(Failure) -> RunOptions {
        var options = RunOptions()
        try split(into: &options)
        options.isInteractive = interactive
        options.hasTerminal = tty
        options.environment = env
        options.environmentFiles = envFile
        options.workingDirectory = workdir
        options.user = user
        options.groups = groupAdd
        options.entrypoint = entrypoint
        options.addedCapabilities = capAdd
        options.droppedCapabilities = capDrop
        options.resourceLimits = ulimit
        options.securityOptions = securityOpt
        options.stopSignal = stopSignal
        options.runsAsInit = noInit
        options.name = name
        options.hostname = hostname
        options.isReadOnly = readOnly
        options.temporaryFileSystems = tmpfs
        options.writable = writable
        options.memory = memory
        options.cpus = cpus
        options.processLimit = pidsLimit
        options.kernel = kernel
        options.initramfs = initrd
        options.append = append
        options.allowsEmulation = allowEmulation
        options.pull = pull
        options.timings = timings
        options.logLevel = logLevel
        return options
    }

    /// The first word that is no known option is the image; one that looks like an option is a mistake.
    private func split(into options: inout RunOptions) throws(Failure) {
        var rest = words[...]
        if let first = rest.first, first.hasPrefix("-"), first != "-" {
            guard first == "--" else { throw Self.unknown(first) }
            rest.removeFirst()
        }
        guard let image = rest.popFirst(), !image.isEmpty else {
            throw Failure(
                .usage, "cannot run a container", because: "no image is named",
                cure: "vmm run --help tells what can be asked for.")
        }
        options.image = image
        options.command = Array(rest)
    }

    private static func unknown(_ option: String) -> Failure {
        Failure(
            .usage, "cannot do \(option)", because: "there is no such option, or it lacks its value",
            cure: "vmm run --help lists what there is.")
    }
}
