public import Arguments

/// The options of `vmm compare` as the user wrote them. `vmm` lists and completes them; `vmm-compare` runs
/// the comparison.
public struct CompareArguments: CommandDeclaration, Equatable {
    public var runs = 30
    public var warmup = 3
    public var parallel = "1"
    public var paths: String?
    public var measure: String?
    public var instanceLimit = 20
    /// The time limit of a run, in seconds.
    public var limit = 60.0
    /// The monitor to measure; nil for the `vmm` that runs the comparison.
    public var monitor: String?
    public var kernel: String?
    public var append: String?
    public var workspace = "/dev/shm"
    public var seed: UInt64 = 1
    public var html: String?
    public var svg: String?
    public var json: String?
    public var csv: String?
    public var allowsDangerousTrials = false
    public var isExplanationWanted = false
    public var image: String?
    public var command: [String] = []

    public init() {}

    public static let commandName = "compare"
    /// The version of `vmm` and `vmm-compare`.
    public static let version = "0.1.0"

    public static var page: Page {
        Page(
            "Run a command of an image as a container and in a virtual machine, and measure both.",
            """
            IMAGE is an image as for vmm run; without COMMAND, the image's own command runs. Each way to run it is \
            a path: a bare process (the floor), the container runtimes that are installed, vmm run, and other \
            monitors.

            Only vmm run is made for images that nobody trusts. The bare process runs the image's program as root \
            of this host, in a chroot and nothing else: exclude it for an image that you do not know, for example \
            with --paths vmm.
            """,
            statuses: [
                ExitStatus("0", "the report was written"),
                ExitStatus("64-77", "as for vmm boot"),
                ExitStatus("130", "interrupted with Ctrl-C; the report has the finished measurements"),
            ])
    }

    public static var operands: Operands {
        Operands(
            "[IMAGE [COMMAND [ARGUMENT]...]]", count: 0...Int.max, endOptions: true, value: .image("IMAGE"))
    }

    public mutating func take(_ operands: [String]) {
        image = operands.first
        command = Array(operands.dropFirst())
    }

    public mutating func declare(_ options: inout Options) {
        declareMeasurement(&options)
        declareHost(&options)
        declareReport(&options)
    }

    private mutating func declareMeasurement(_ options: inout Options) {
        options.group("Measurement")
        options.value("runs", .text("COUNT"), "Measured runs of each path.", to: &runs)
        options.value("warmup", .text("COUNT"), "Runs before these that do not count.", to: &warmup)
        options.value(
            "parallel", .text("COUNT,..."), "Numbers of instances to start at once, such as 1,10,100.",
            to: &parallel)
        options.value(
            "paths", .text("NAME,..."),
            "Paths to compare: process, runc, crun, podman, docker, vmm, firecracker, qemu.", to: &paths)
        options.value(
            "measure", .text("NAME,..."), "Figures to measure: startup, crowd, work, isolation.", to: &measure
        )
        options.value(
            "crowd", .text("COUNT"), "Maximum number of idle instances whose footprint is measured.",
            to: &instanceLimit)
        options.value("limit", .text("SECONDS"), "Maximum duration of a run.", to: &limit)
        options.value("seed", .text("NUMBER"), "Seed of the order of the runs.", to: &seed)
        options.flag(
            "dangerous-trials", "Also start many processes and use much memory, which can harm a small host.",
            to: &allowsDangerousTrials)
    }

    private mutating func declareHost(_ options: inout Options) {
        options.group("Virtual machine")
        options.value(
            "monitor", .file("FILE"), "Measure this monitor instead of the vmm that runs the comparison.",
            to: &monitor)
        options.value("kernel", .file("FILE"), "Boot this kernel in the virtual machines.", to: &kernel)
        options.value("append", .text("TEXT"), "Append text to the kernel's command line.", to: &append)
        options.value(
            "workspace", .directory("DIRECTORY"), "Keep temporary files in this directory in memory.",
            to: &workspace)
    }

    private mutating func declareReport(_ options: inout Options) {
        options.group("Report")
        options.value("html", .file("FILE"), "Write a page with pictures.", to: &html)
        options.value("svg", .file("FILE"), "Write a picture of the start-up for a document.", to: &svg)
        options.value("json", .file("FILE"), "Write every sample as JSON.", to: &json)
        options.value("csv", .file("FILE"), "Write every run as CSV.", to: &csv)
        options.flag(
            "explain", "Explain each line of a report, and when to choose which path.",
            to: &isExplanationWanted)
    }
}
