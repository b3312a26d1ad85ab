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
                "One command of one image, run in several ways, called paths. A container is a process of this host that "
                    + "sees less: namespaces hide other processes, files and networks, control groups bound what it "
                    + "takes. It calls the same kernel as everything else here.",
                "A micro-VM is a virtual machine with few devices. The command has a kernel of its own, and what it asks "
                    + "that kernel for does not reach the host's. The host sees one process, the monitor, and a CPU that "
                    + "keeps the guest apart.",
                "process is the floor: the command without either, in the same files. Nothing that also isolates can be "
                    + "quicker.",
            ]),
        Topic(
            title: "Start-up",
            paragraphs: [
                "The clock starts before the launching process is made and ends when it has ended. First byte is when the "
                    + "command's first output is there. p50 is the median: half of the runs were quicker. Of a hundred "
                    + "runs one is slower than p99, which is what users who wait notice.",
                "CPU is the processor's work, in the program and in the kernel for it; what waits takes time and no CPU. "
                    + "The paths take turns, so whatever else the host does falls on all alike. A ratio comes with the "
                    + "range in which it lies with 95 % certainty; where that holds 1, the two cannot be told apart.",
            ]),
        Topic(
            title: "Where the time goes",
            paragraphs: [
                "The mean of the half of the runs that lies in the middle, so that its parts add up. layers: the image's files are put together, with a place for what the command writes. start: the runtime "
                    + "until the first byte of the command. monitor, kernel, init: vmm until the guest runs, the guest's "
                    + "kernel until its first process, and that until it answers. command: until its end. end: what comes after."
            ]),
        Topic(
            title: "Footprint and density",
            paragraphs: [
                "Memory is by how much the host's MemAvailable falls for each idle instance: it counts the kernel's own "
                    + "memory too, and what is shared once. PSS counts the pages of processes, shared ones in parts. Would "
                    + "fit is the memory that was available, by what one takes.",
                "A container shares the page cache with the host; a guest has a kernel and a cache of its own, which is "
                    + "most of what it costs.",
            ]),
        Topic(
            title: "Work inside",
            paragraphs: [
                "Computation hardly differs: both run on the processor itself. System calls go to the nearest kernel: the "
                    + "guest's own, or the host's through its filters. Files go through an overlay of layers in both; a "
                    + "guest asks its monitor for what its kernel does not have yet."
            ]),
        Topic(
            title: "What the command sees and may do",
            paragraphs: [
                "A bug in the host's kernel that a system call can reach is within a container's reach, and not within a "
                    + "guest's: it would need another in the guest's devices or in the processor's virtualization. A panic "
                    + "in a guest ends that guest."
            ]),
        Topic(
            title: "When to choose which",
            paragraphs: [
                "Containers for your own software, where starts are frequent and short, and memory is dear.",
                "A micro-VM for what you do not trust or did not write: plug-ins, builds of others, agents, tenants; or "
                    + "where a kernel or its modules have to differ from the host's. Where a start of a tenth of a second "
                    + "more does not matter, it is the safer of the two.",
            ]),
    ]
}
