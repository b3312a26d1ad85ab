import Foundation
import TestSupport
import Testing

@Suite("vmm refuses an invalid command line")
struct BadOptionTests {
    @Test(
        "memory that is nothing, negative, huge or no number",
        arguments: [
            "0", "-1", "-256M", "abc", "", "99999999999999999999", "9999999T", "2T", "1K", "256X", "1.5G",
            "4097K",
        ])
    func memory(size: String) throws {
        let scratch = try Scratch()
        try expectRefusal(Monitor.boot("halt", "--memory", size), 64, "memory", in: scratch)
        try expectRefusal(Monitor.boot("halt", "--memory=" + size), 64, "memory", in: scratch)
    }

    @Test(
        "CPUs that are none, negative, too many or no number",
        arguments: [
            "0", "-1", "65", "1000000", "99999999999999999999", "abc", "", "1.5",
        ])
    func cpus(count: String) throws {
        try expectRefusal(Monitor.boot("halt", "--cpus", count), 64, "CPU")
        try expectRefusal(Monitor.boot("halt", "--cpus=" + count), 64, "CPU")
    }

    @Test("options, values and commands that it does not know")
    func unknown() throws {
        try expectRefusal(Monitor.boot("halt", "--frobnicate"), 64, "--frobnicate")
        try expectRefusal(Monitor.boot("halt", "--console", "vga"), 64, "vga", "auto, virtio, serial, none")
        try expectRefusal(Monitor.boot("halt", "--log-level", "loud"), 64, "loud", "warning")
        try expectRefusal(Monitor.boot("halt", "word"), 64, "word")
        try expectRefusal(Monitor.boot("halt", "--memory"), 64, "--memory")
        try expectRefusal([Monitor.program, "boot"], 64, "--kernel")
        try expectRefusal([Monitor.program, "boot", "--kernel"], 64, "--kernel")
        try expectRefusal([Monitor.program, "frobnicate"], 64, "frobnicate")
        try expectRefusal([Monitor.program, "doctor", "--yaml"], 64, "--yaml")
    }

    @Test(
        "an unknown command is refused by the one above it, and docker's name of a command leads to ours",
        arguments: [
            (["frobnicate"], 64, "unknown command 'frobnicate'", "vmm --help"),
            (["image", "frobnicate", "x"], 64, "vmm image has no such command", "vmm image --help"),
            (["help", "frobnicate"], 64, "unknown command 'frobnicate'", "vmm --help"),
            (["help", "image", "frobnicate"], 64, "vmm image has no such command", "vmm image --help"),
            (["images"], 64, "no such command", "`vmm image list`"),
            (["pull", "alpine"], 64, "no such command", "`vmm image import NAME`"),
            (["image", "images"], 64, "no such command", "vmm image --help"),
            (["image", "tag", "x"], 64, "no such command", "`vmm image import FILE --name NAME`"),
            (["iamge"], 64, "did you mean image?", "vmm --help"),
            (["image", "import"], 64, "missing argument IMAGE", "vmm image import --help"),
            (["image", "list", "x"], 64, "'x'", "vmm image list --help"),
            (["image", "list", "-q", "--json"], 64, "--quiet with --json", "exclude each other"),
            (["image", "prune", "-qv"], 64, "--quiet with --verbose", "exclude each other"),
            (["image", "import", "a", "b", "--name", "c"], 64, "--name", "one image"),
            (["boot"], 64, "--kernel", "vmm boot --help"),
            (["run"], 125, "missing argument IMAGE", "vmm run --help"),
            (["compare"], 64, "missing argument IMAGE", "vmm compare --help"),
        ] as [([String], Int32, String, String)])
    func commands(words: [String], status: Int32, why: String, cure: String) throws {
        try expectRefusal([Monitor.program] + words, status, why, cure)
    }

    @Test("timings that cannot be written")
    func timings() throws {
        let scratch = try Scratch()
        let place = scratch.path + "/none/timings.json"
        let run = try ProgramRun(Monitor.boot("halt", "--timings", place))
        #expect(run.status == 66)
        #expect(run.error.contains(place))
    }
}
