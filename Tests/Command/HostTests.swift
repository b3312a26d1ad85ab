import Foundation
import TestSupport
import Testing

@Suite("vmm on hosts that lack something, and vmm doctor")
struct HostTests {
    struct Report: Decodable {
        struct Check: Decodable {
            let name: String
            let verdict: String
            let finding: String
            let cure: String?
        }
        let canBoot: Bool
        let checks: [Check]

        func check(_ name: String) -> Check? { checks.first { $0.name == name } }
    }

    private func report(_ run: ProgramRun) throws -> Report {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Report.self, from: Data(run.output.utf8))
    }

    private static let withoutKVM = ["mount -t tmpfs none /dev"]
    /// A file that nobody may open, not even root, and the command that removes root's exemption with an
    /// empty bounding set.
    private static let forbiddenKVM = ["mount -t tmpfs none /dev", "touch /dev/kvm", "chmod 0 /dev/kvm"]
    private static let powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]

    @Test("without /dev/kvm")
    func missing() throws {
        let command = Namespace.command(Self.withoutKVM, Monitor.boot("halt"))
        try expectRefusal(command, 69, "cannot open /dev/kvm", "modprobe")
    }

    @Test("without permission for /dev/kvm")
    func forbidden() throws {
        let command = Namespace.command(Self.forbiddenKVM, Self.powerless + Monitor.boot("halt"))
        try expectRefusal(command, 77, "cannot open /dev/kvm", "permission denied", "group")
    }

    @Test("with something else in the place of /dev/kvm")
    func impostor() throws {
        let preparation = ["mount -t tmpfs none /dev", "echo no KVM >/dev/kvm"]
        try expectRefusal(Namespace.command(preparation, Monitor.boot("halt")), 69, "/dev/kvm")
    }

    /// On a host with hardware virtualization this checks the opposite: no option is needed.
    @Test("without hardware virtualization under /dev/kvm")
    func emulation() throws {
        let hardware = try #require(try report(try Monitor.run("doctor", "--json")).check("hardware"))
        let command = Monitor.boot("halt").filter { $0 != "--allow-emulation" }
        if hardware.verdict == "missing" {
            try expectRefusal(command, 69, "no hardware virtualization", "--allow-emulation")
        } else {
            #expect(try ProgramRun(command).status == 0)
        }
    }

    @Test("doctor says what there is, for people and for programs")
    func doctor() throws {
        let (text, json) = (try Monitor.run("doctor"), try Monitor.run("doctor", "--json"))
        let report = try report(json)
        #expect(text.status == (report.canBoot ? 0 : 69))
        #expect(json.status == text.status)
        #expect(
            Set(["kvm", "capabilities", "vcpus", "hardware", "memory", "cgroups", "descriptors"])
                .isSubset(of: report.checks.map(\.name)))
        for check in report.checks {
            #expect(text.output.contains(check.name))
            #expect(["good", "warning", "missing"].contains(check.verdict))
            #expect((check.verdict == "good") == (check.cure == nil), "\(check.name)")
        }
        #expect(!text.output.contains("\u{1B}"), "no colours but on a terminal")
        #expect(text.error.isEmpty && json.error.isEmpty)
    }

    @Test("doctor finds what is missing and says how to mend it")
    func doctorWithoutKVM() throws {
        let command = [Monitor.program, "doctor", "--json"]
        let missing = try ProgramRun(Namespace.command(Self.withoutKVM, command))
        #expect(missing.status == 69)
        #expect(try report(missing).check("kvm")?.verdict == "missing")
        #expect(try report(missing).check("kvm")?.cure?.contains("modprobe") == true)
        let forbidden = try ProgramRun(Namespace.command(Self.forbiddenKVM, Self.powerless + command))
        #expect(try report(forbidden).check("kvm")?.cure?.contains("group") == true)
    }

    @Test("doctor takes colours on a terminal, and none with NO_COLOR")
    func colours() throws {
        for (variables, isColoured) in [([:], true), (["NO_COLOR": "1"], false)] {
            let terminal = try PseudoTerminal()
            let child = try ChildProcess(
                [Monitor.program, "doctor"], output: terminal.program,
                environment: variables.merging(["PATH": ChildProcess.searchPath]) { first, _ in first })
            try child.wait()
            try terminal.waitFor("vmm.")
            #expect(terminal.shown().contains("\u{1B}[") == isColoured)
        }
    }

    @Test("help and version are answers, not errors")
    func help() throws {
        let all = try Monitor.run("--help")
        #expect(all.status == 0)
        #expect(all.output.contains("boot") && all.output.contains("doctor"))
        let boot = try Monitor.run("boot", "--help")
        #expect(boot.status == 0)
        for option in [
            "--kernel", "--initrd", "--cmdline", "--append", "--memory", "--cpus", "--disk", "--console",
            "--timings", "--log-level", "Exit status",
        ] {
            #expect(boot.output.contains(option), "\(option)")
        }
        let version = try Monitor.run("--version")
        #expect(version.status == 0)
        #expect(version.output.split(separator: ".").count == 3)
        #expect(all.error.isEmpty && boot.error.isEmpty && version.error.isEmpty)
        #expect(try Monitor.run().output == all.output, "without a word")
        #expect(
            try Monitor.run("help", "image", "list").output == Monitor.run("image", "list", "--help").output)
        #expect(try Monitor.run("image").output == Monitor.run("image", "--help").output)
    }

    @Test("the help of every command fits a terminal of 80 columns")
    func width() throws {
        for page in try Monitor.run("help", "--pages").output.split(separator: "\n") {
            let words = page.split(separator: " ").map(String.init)
            let help = try ProgramRun([Monitor.program] + words.dropFirst() + ["--help"])
            #expect(help.status == 0 && help.output.contains("Usage: \(page) "), "\(help)")
            for line in help.output.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        }
    }

    @Test("the program needs nothing of the machine that it runs on")
    func isStatic() throws {
        let file = [UInt8](try Data(contentsOf: URL(filePath: Monitor.program)))
        // A program header PT_INTERP (3) would name a dynamic linker.
        let (start, size, count) = (Int(file[32]), Int(file[54]), Int(file[56]))
        let types = (0..<count).map { file[start + $0 * size] }
        #expect(types.contains(1) && !types.contains(3))
    }
}
