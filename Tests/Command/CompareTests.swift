import Foundation
import TestSupport
import Testing

/// Tests `vmm compare` with runtimes of the tests': scripts in a directory on PATH. The paths need root and
/// overlay mounts, and a namespace provides both.
@Suite("vmm compare", .serialized)
struct CompareTests {
    private let scratch: Scratch
    private let programs: String
    private let image: String

    init() throws {
        scratch = try Scratch()
        programs = try scratch.directory("programs")
        image = try scratch.directory("image")
        for directory in ["bin", "proc", "dev", "sys"] { _ = try scratch.directory("image/" + directory) }
        try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: image + "/bin/busybox")
        for name in ["sh", "true", "echo", "sleep"] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(image)/bin/\(name)", withDestinationPath: "busybox")
        }
    }

    /// Writes a runtime whose `run` command is `script`.
    private func runtime(_ name: String, run script: String, version: String = "echo runtime version 9.9")
        throws
    {
        let text = """
            #!/bin/busybox sh
            if [ "$1" = --version ]; then \(version); exit; fi
            [ "$3" = run ] || exit 0
            \(script)
            """
        try ExecutableFile.write(Array(text.utf8), to: programs + "/" + name)
    }

    private var environment: [String: String] {
        ["PATH": programs + ":" + ChildProcess.searchPath, "VMM_STORE": scratch.path + "/store"]
    }

    private func command(_ words: [String], preparation: [String] = []) -> [String] {
        Namespace.command(preparation, [Monitor.program, "compare"] + words)
    }

    private func run(_ words: String..., preparation: [String] = []) throws -> ProgramRun {
        try ProgramRun(command(words, preparation: preparation), environment: environment)
    }

    private struct Report: Decodable {
        struct Path: Decodable {
            struct Startup: Decodable {
                struct Sample: Decodable {
                    let total: Double
                    let firstByte: Double?
                    let phases: [String: Double]
                }
                let samples: [Sample]
            }
            let path: String
            let startup: Startup
        }
        struct Absent: Decodable {
            let path: String
            let kind: String
            let why: String
        }
        let partial: Bool
        let paths: [Path]
        let absent: [Absent]

        subscript(_ name: String) -> Path? { paths.first { $0.path == name } }
    }

    private func report(_ name: String = "report.json") throws -> Report {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(
            Report.self, from: Data(contentsOf: URL(filePath: scratch.path + "/" + name)))
    }

    private var json: String { scratch.path + "/report.json" }

    /// A busy host only makes a run longer, so the fastest run counts.
    @Test("a runtime with a known delay is reported within 2 %, and its phases add up to the whole")
    func knownDelay() throws {
        try runtime("runc", run: "sleep 0.5; echo now; sleep 0.5")
        let run = try run(
            "--runs", "6", "--warmup", "1", "--measure", "startup", "--paths", "runc", "--json", json, image,
            "true")
        #expect(run.status == 0, "\(run.error)")
        let samples = try #require(try report()["runc"]).startup.samples
        #expect(samples.count == 6)
        let total = try #require(samples.map(\.total).min())
        let first = try #require(samples.compactMap(\.firstByte).min())
        #expect(total >= 1 && total < 1.02, "\(total)")
        #expect(first >= 0.5 && first < 0.52, "\(first)")
        for sample in samples { #expect(abs(sample.phases.values.reduce(0, +) - sample.total) < 1e-6) }
    }

    @Test("a command that fails is not timed: its output is the answer")
    func failingCommand() throws {
        let run = try run("--paths", "process", "--runs", "2", image, "sh", "-c", "echo some words; exit 3")
        #expect(run.status == 65 && run.output.isEmpty)
        for words in ["cannot compare", "status 3", "some words"] {
            #expect(run.error.contains(words), "\(run.error)")
        }
    }

    @Test("a runtime that is broken and one that hangs are named, and the others go on")
    func brokenRuntimes() throws {
        try runtime("runc", run: "echo fine; echo 'the last line' >&2; exit 1")
        try runtime("crun", run: "sleep 1000")
        let run = try run(
            "--paths", "process,runc,crun,docker", "--runs", "2", "--warmup", "0", "--limit", "1",
            "--measure", "startup",
            "--json", json, image, "echo", "x")
        #expect(run.status == 0, "\(run.error)")
        let report = try report()
        #expect(report.paths.map(\.path) == ["process"] && report.paths[0].startup.samples.count == 2)
        let absent = Dictionary(grouping: report.absent, by: \.path).compactMapValues(\.first)
        #expect(absent["runc"]?.kind == "broken" && absent["runc"]?.why.contains("the last line") == true)
        #expect(absent["crun"]?.kind == "hung")
        #expect(run.output.contains("crun: hung"))
    }

    @Test("a runtime that breaks half way is taken out with its words")
    func breaksLater() throws {
        let counter = try scratch.file("count")
        try runtime(
            "runc", run: "echo x >>\(counter); [ $(wc -l <\(counter)) -lt 4 ] || { echo broke >&2; exit 9; }")
        let run = try run(
            "--paths", "process,runc", "--runs", "5", "--warmup", "0", "--measure", "startup", "--json", json,
            image,
            "true")
        #expect(run.status == 0, "\(run.error)")
        let report = try report()
        #expect(report["runc"] == nil && report["process"]?.startup.samples.count == 5)
        #expect(
            report.absent.first?.why.contains("round") == true
                && report.absent.first?.why.contains("broke") == true)
    }

    @Test("without /dev/kvm the containers are compared, and why the monitor is not is said")
    func withoutKVM() throws {
        let preparation = ["mount -t tmpfs none /dev", "mknod -m 666 /dev/null c 1 3"]
        let run = try run(
            "--paths", "process,vmm", "--runs", "2", "--warmup", "0", "--measure", "startup", "--json", json,
            image,
            "true", preparation: preparation)
        #expect(run.status == 0, "\(run.error)")
        #expect(run.output.contains("vmm: ") && run.output.contains("/dev/kvm"))
        #expect(try report().paths.map(\.path) == ["process"])
    }

    @Test("Ctrl-C gives the report of what was done until then")
    func interrupted() throws {
        try runtime("runc", run: "sleep 0.2; echo now")
        let words = [
            "--paths", "runc", "--runs", "10000", "--warmup", "0", "--measure", "startup", "--json", json,
            image, "true",
        ]
        let (output, error) = (try TemporaryFile(), try TemporaryFile())
        let streams = unsafe [
            open(output.path, O_WRONLY | O_CLOEXEC), open(error.path, O_WRONLY | O_CLOEXEC),
        ]
        defer { for stream in streams { close(stream) } }
        let child = try ChildProcess(
            command(words), output: streams[0], error: streams[1], environment: environment)
        try eventually("the first runs") {
            String(decoding: try error.bytes(), as: UTF8.self).contains("start-up")
        }
        usleep(1_000_000)
        child.send(SIGINT)
        #expect(try child.wait() == .exited(130))
        let report = try report()
        #expect(report.partial)
        #expect((1..<10000).contains(try #require(report["runc"]).startup.samples.count))
        #expect(String(decoding: try output.bytes(), as: UTF8.self).contains("Interrupted"))
    }

    @Test("nothing is left behind, neither files nor control groups")
    func leavesNothing() throws {
        let run = try run("--paths", "process", "--runs", "2", "--crowd", "3", image, "echo", "x")
        #expect(run.status == 0, "\(run.error)")
        for place in ["/dev/shm", "/sys/fs/cgroup", "/sys/fs/cgroup/cpuacct"] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
            for name in names where name.hasPrefix("vmm-compare-") {
                let owner = try #require(pid_t(name.dropFirst(12).prefix { $0 != "-" }))
                #expect(kill(owner, 0) == 0, "\(place)/\(name) has no owner")
            }
        }
    }

    @Test("invalid values are refused before anything runs")
    func refusals() throws {
        for words in [
            ["--runs", "0"], ["--warmup", "-1"], ["--parallel", "0"], ["--parallel", "x"],
            ["--paths", "nothing"],
            ["--paths", "runc,runc"], ["--measure", "luck"], ["--limit", "0"], ["--crowd", "0"],
        ] {
            try expectRefusal([Monitor.program, "compare"] + words + [image, "true"], 64)
        }
        try expectRefusal(
            [Monitor.program, "compare", "--json", "/nowhere/file", image, "true"], 66, "/nowhere/file")
    }

    @Test("--explain tells a newcomer what it means, in 100 columns")
    func explain() throws {
        let run = try Monitor.run("compare", "--explain")
        #expect(run.status == 0)
        for line in run.output.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
        for word in ["kernel", "p99", "PSS", "When to choose which"] { #expect(run.output.contains(word)) }
    }
}
