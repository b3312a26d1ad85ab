/// An explanation of the report for a first-time reader.
public enum Explanation {
    struct Topic {
        let title: String
        let paragraphs: [String]
    }

    /// The text for a terminal, in at most 100 columns.
    public static var text: String {
        topics.map { topic in
            ([topic.title] + topic.paragraphs.flatMap { Wrapping.lines($0, indent: 2) }).joined(
                separator: "\n")
        }.joined(separator: "\n\n") + "\n"
    }

    static let topics: [Topic] = [
        Topic(
            title: "What is compared",
            paragraphs: [
                "One command of one image runs in several ways, which are called paths. A container is a process "
                    + "of this host that sees less: namespaces hide other processes, files and networks, and "
                    + "cgroups limit its resources. It calls the same kernel as every other process of the host.",
                "A micro-VM is a virtual machine with few devices. The command has a kernel of its own, and its "
                    + "system calls do not reach the host's kernel. The host sees one process, the monitor, and "
                    + "a CPU that isolates the guest.",
                "process is the lower bound: the command in the same files, without isolation. No path that "
                    + "isolates can be quicker.",
            ]),
        Topic(
            title: "Start-up",
            paragraphs: [
                "The clock starts before the launching process is created and stops when it has ended. The time "
                    + "of the first byte is when the command's first output arrives. p50 is the median: half of "
                    + "the runs were quicker. One run in a hundred is slower than p99; users notice these.",
                "CPU is the work of the processor, in the program and in the kernel for it. A wait takes time "
                    + "and no CPU. The paths take turns, so other work on the host affects all alike. A ratio "
                    + "comes with the range that contains it with 95 % certainty. If the range contains 1, the "
                    + "two paths cannot be ranked.",
            ]),
        Topic(
            title: "Where the time goes",
            paragraphs: [
                "These are means over the middle half of the runs, so that the parts add up. layers: the image's "
                    + "files are combined with a place for the command's own. start: the runtime, until the "
                    + "first byte of the command. monitor, kernel, init: vmm until the guest runs, the guest's "
                    + "kernel until its first process, and that process until it answers. command: the command "
                    + "until its end. end: everything after that."
            ]),
        Topic(
            title: "Footprint and density",
            paragraphs: [
                "Memory is the decrease of the host's MemAvailable for each idle instance. It includes the "
                    + "kernel's own memory, and counts shared memory once. PSS counts the pages of processes, and "
                    + "divides a shared page among its users. Would fit is the available memory divided by the "
                    + "memory of one instance.",
                "A container shares the page cache with the host. A guest has a kernel and a cache of its own, "
                    + "which are most of its cost.",
            ]),
        Topic(
            title: "Work inside",
            paragraphs: [
                "Computation hardly differs, because both run on the processor itself. A system call goes to the "
                    + "nearest kernel: the guest's own, or the host's through its filters. In both, files go "
                    + "through an overlay of layers; a guest asks its monitor for everything that its kernel has "
                    + "not cached yet."
            ]),
        Topic(
            title: "What the command sees and may do",
            paragraphs: [
                "If a system call can reach a bug of the host's kernel, a container can reach it, and a guest "
                    + "cannot. A guest would need another bug, in its devices or in the processor's "
                    + "virtualization. A panic in a guest ends only that guest."
            ]),
        Topic(
            title: "When to choose which",
            paragraphs: [
                "Choose containers for your own software, if starts are frequent and short, and memory is scarce.",
                "Choose a micro-VM for software that you do not trust or did not write, such as plug-ins, "
                    + "builds, agents and tenants, or if you need another kernel than the host's. If a tenth of "
                    + "a second more at the start does not matter, it is the safer of the two.",
            ]),
    ]
}
