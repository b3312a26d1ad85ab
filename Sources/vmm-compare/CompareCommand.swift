import ArgumentParser
import Comparison
import Host

/// `vmm compare`: measures containers and micro-VMs side by side.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vmm compare",
        abstract: "Run a command of an image as a container and in a micro-VM, and measure both.",
        discussion: """
            The image is what vmm run takes; the command is the image's own where none is given. Each way to run it is \
            a path: a bare process (the floor), the container runtimes that are installed, vmm run, and other monitors.

            Only vmm run is made for images that nobody trusts. The bare process is the image's program as this host's \
            root, with nothing around it but chroot: leave it out for an image that you do not know, with \
            --paths vmm or the like.

            Exit status: 0 with a report; 64 to 77 as for vmm boot; 130 with a report of what was done before Ctrl-C.
            """)

    @Option(help: ArgumentHelp("Measured runs of each path.", valueName: "count"))
    var runs = 30

    @Option(help: ArgumentHelp("Runs before that do not count.", valueName: "count"))
    var warmup = 3

    @Option(help: ArgumentHelp("How many to start at once, a list: 1,10,100.", valueName: "counts"))
    var parallel = "1"

    @Option(
        help: ArgumentHelp(
            "Which paths: process,runc,crun,podman,docker,vmm,firecracker,qemu.", valueName: "names"))
    var paths: String?

    @Option(help: ArgumentHelp("What to measure: startup,crowd,work,isolation.", valueName: "names"))
    var measure: String?

    @Option(help: ArgumentHelp("Idle instances at once, at the most.", valueName: "count"))
    var crowd = 20

    @Option(help: ArgumentHelp("Seconds that a run may take.", valueName: "seconds"))
    var limit = 60.0

    @Option(
        help: ArgumentHelp(
            "The monitor to measure. The default is the vmm that runs the comparison.", valueName: "file"))
    var monitor: String?

    @Option(help: ArgumentHelp("The guest's kernel, for the micro-VMs.", valueName: "file"))
    var kernel: String?

    @Option(
        help: ArgumentHelp("Further words for the command line of the guests' kernel.", valueName: "text"))
    var append: String?

    @Option(help: ArgumentHelp("A directory in memory for what the paths need.", valueName: "directory"))
    var workspace = "/dev/shm"

    @Option(help: ArgumentHelp("The seed of the order of the runs.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Write a page with pictures.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("Write a picture of the start-up for a document.", valueName: "file"))
    var svg: String?

    @Option(help: ArgumentHelp("Write every sample as JSON.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("Write every run as CSV.", valueName: "file"))
    var csv: String?

    @Flag(help: "Also make many processes and take much memory, which can harm a small host.")
    var dangerousTrials = false

    @Flag(help: "Say what each line of a report means, and when to choose which.")
    var explain = false

    @Argument(help: "An image, an OCI bundle or a root file system.")
    var image: String?

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
    var command: [String] = []

    func run() throws {
        if explain {
            try StandardOutput.write(Explanation.text)
            return
        }
        guard let image else { throw ValidationError("Missing expected argument '<image>'") }
        try Compare.run(self, image)
    }
}
