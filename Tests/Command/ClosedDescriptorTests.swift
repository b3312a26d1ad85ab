import Foundation
import TestSupport
import Testing

/// A program may be started with closed standard descriptors. The next files that it opens then get their
/// numbers, and its output is written to those files.
@Suite("Standard descriptors that are closed at the start")
struct ClosedDescriptorTests {
    /// Every non-empty set of the standard descriptors.
    private static let sets: [[Int32]] = (1..<8).map { set in (0..<3).filter { set >> $0 & 1 == 1 } }

    /// Returns a command line that runs `command` with the descriptors `closed` closed.
    private static func command(_ closed: [Int32], _ command: [String]) -> [String] {
        ["sh", "-c", (closed.map { "exec \($0)>&-" } + [#"exec "$@""#]).joined(separator: "\n"), "sh"]
            + command
    }

    @Test("are /dev/null while a guest runs", arguments: sets)
    func running(closed: [Int32]) throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let (agent, disk) = (
            try scratch.file("agent", Array("070701".utf8)), try scratch.file("disk", byteCount: 4096)
        )
        var environment = ProcessInfo.processInfo.environment
        environment["VMM_STORE"] = scratch.path + "/store"
        let run = [
            Monitor.program, "run", "--allow-emulation", "--kernel", Monitor.guest("spin"), "--initrd", agent,
        ]
        for command in [
            Monitor.boot("spin", "--console", "serial", "--disk", disk), run + ["rootfs:" + root, "true"],
        ] {
            let child = try ChildProcess(Self.command(closed, command), environment: environment)
            try eventually("its vCPU") { Tasks(of: child.identifier).named("vcpu0") != nil }
            for descriptor in closed {
                let place = "/proc/\(child.identifier)/fd/\(descriptor)"
                #expect(
                    try FileManager.default.destinationOfSymbolicLink(atPath: place) == "/dev/null",
                    "\(command)")
            }
            child.send(SIGTERM)
            child.send(SIGTERM)
            try eventually("its end") {
                child.send(SIGTERM)
                return !child.isRunning
            }
        }
    }

    @Test("change nothing else for a command that prints and ends", arguments: sets)
    func printing(closed: [Int32]) throws {
        let scratch = try Scratch()
        var environment = ProcessInfo.processInfo.environment
        environment["VMM_STORE"] = scratch.path + "/store"
        let made = try ProgramRun([Monitor.program, "image", "list"], environment: environment)
        try #require(made.status == 0, "\(made)")
        for words in [
            ["doctor", "--json"], ["image", "list"], ["image", "prune"], ["boot", "--kernel", "/dev/null"],
        ] {
            let open = try ProgramRun([Monitor.program] + words, environment: environment)
            let run = try ProgramRun(
                Self.command(closed, [Monitor.program] + words), environment: environment)
            #expect(run.ending == open.ending, "vmm \(words): \(run.error)")
            #expect(
                Self.withoutMemory(run.output) == (closed.contains(1) ? "" : Self.withoutMemory(open.output)),
                "vmm \(words)")
            #expect(run.error == (closed.contains(2) ? "" : open.error), "vmm \(words)")
        }
    }

    /// Returns the output of `vmm doctor` without the amount of free memory, which changes between two runs
    /// on a busy host.
    private static func withoutMemory(_ output: String) -> String {
        output.replacing(/\d+ MiB available/, with: "")
    }
}
