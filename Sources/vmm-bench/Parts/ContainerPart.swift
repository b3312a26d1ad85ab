import Host
import Measure

/// `true` in a container: `vmm run`, and the same image under runc, crun and podman; Firecracker with the
/// same kernel and an initramfs of the same files. From before the first process is created until it has
/// been waited for; the image is imported already.
enum ContainerPart: Part {
    static let name = "container"

    static func measurements(_ host: HostAbilities) -> [Measurement] { linuxMeasurements(host, "5") }

    static func measure(_ arguments: [String], _ stage: Stage) throws(Failure) -> JSON {
        var stage = stage
        let samples = try Arguments.number(arguments, 0)
        let linux = try stage.copyLinux()
        let tree = try stage.makeContainerRoot()
        try stage.programs.hold(["runc", "crun", "podman", "conmon"])
        let programs = stage.programs
        try programs.output(
            [stage.vmm, "image", "import", "rootfs:" + tree, "--name", "bench"], more: [stage.storeVariable])
        var timed = [own(stage), own(stage, name: "vmm-cold", more: ["--template", "never"])]
        for name in ["runc", "crun"] {
            if let program = try runtime(name, tree, stage) { timed.append(program) }
        }
        let podman = try podman(tree, stage)
        // Podman mounts the storage over itself. While that is mounted, the stage cannot be removed.
        let storage = stage.path("podman.graph/overlay")
        defer { if FileStatus(of: storage) != nil { _ = try? programs.run(["umount", "-l", storage]) } }
        if let words = try Firecracker(stage)?.words(linux, initramfs: linux.initramfs, command: "true") {
            timed.append(.init("firecracker", words, programs))
        }
        let quick = try TimedRuns(programs: programs, samples: samples, pause: 100).run(timed)
        // A run of podman takes as long as all others together, so it has runs of its own.
        let slow = TimedRuns(programs: programs, samples: (samples + 1) / 2, pause: 100)
        return .object([
            ("runs", quick),
            ("slow", try podman.map { (podman) throws(Failure) in try slow.run([podman]) } ?? .array([])),
            ("timings", try Spans.measure([stage.vmm, "run"], ["bench", "true"], stage)),
        ])
    }

    /// Returns `vmm run`. Its first run, which makes the template, warms it up and does not count.
    private static func own(_ stage: Stage, name: String = "vmm", more: [String] = []) -> TimedRuns.Program {
        let environment = stage.programs.environment + [stage.storeVariable]
        let words = [stage.vmm, "run"] + more + ["bench", "true"]
        return .init(name: name) { _ in Launch(words, environment: environment) }
    }

    /// Makes a bundle with the default configuration of `runc spec`. The runtime runs where it is installed:
    /// on a tmpfs, runc would copy all of itself at each start.
    private static func runtime(_ name: String, _ tree: String, _ stage: Stage) throws(Failure) -> TimedRuns
        .Program?
    {
        guard let program = stage.programs.find(name), stage.programs.find("runc") != nil else { return nil }
        let bundle = try stage.makeDirectory(name + ".bundle")
        try stage.programs.output(["runc", "spec", "--bundle", bundle])
        let file = bundle + "/config.json"
        let document = JSONDocument(complaint: "cannot use what runc spec wrote", subject: file)
        var specification = try document.root(try WholeFile.read(file, upTo: 1 << 20)).object()
        guard case .object(var process)? = specification["process"] else {
            throw document.refused("\(file) has no process")
        }
        process["terminal"] = .boolean(false)
        process["args"] = .array([.string("true")])
        specification["process"] = .object(process)
        specification["root"] = .object(["path": .string(tree), "readonly": .boolean(true)])
        try WholeFile.write(JSON(.object(specification)).text() + "\n", to: file)
        let words = [
            program, "--root", stage.path(name + ".state"), "run", "--bundle", bundle, "bench-" + name,
        ]
        return .init(name, words, stage.programs)
    }

    /// Imports the tree into storage of podman's own, which must not lie on the lab's overlay, and tries it.
    private static func podman(_ tree: String, _ stage: Stage) throws(Failure) -> TimedRuns.Program? {
        guard let program = stage.programs.find("podman") else { return nil }
        let graph = ["--root", stage.path("podman.graph"), "--runroot", stage.path("podman.run")]
        let global = [program] + graph + ["--storage-driver", "overlay"]
        let archive = stage.path("tree.tar")
        let words = global + ["run", "--rm", "--network", "none", "--cgroups", "disabled", "bench", "true"]
        do throws(Failure) {
            try stage.programs.output(["tar", "-C", tree, "-cf", archive, "."])
            try stage.programs.output(global + ["import", archive, "bench"])
            try stage.programs.output(words)
        } catch {
            StandardError.write("bench: podman is left out: \(error)\n")
            return nil
        }
        return .init("podman", words, stage.programs)
    }

    private static let spans: [Spans.Span] = [
        .init(name: "process, arguments", from: nil, to: "kvm_opened"),
        .init(name: "image, machine", from: "kvm_opened", to: "first_run"),
        .init(name: "kernel", from: "first_run", to: "userland"),
        .init(name: "agent", from: "userland", to: "agent_ready"),
        .init(name: "layers", from: "agent_ready", to: "process_started"),
        .init(name: "guest, whole", from: "first_run", to: "process_started"),
        .init(name: "command", from: "process_started", to: "process_ended"),
        .init(name: "end", from: "process_ended", to: "end"),
    ]

    static func rows(_ figures: JSONField, _ limits: JSONField, _ place: Place) throws(Failure) -> [Row] {
        let timed = try TimedFigures(try figures.member("runs"), try figures.member("slow"))
        var promises: [String: Double] = [:]
        for name in ["runc", "crun", "firecracker"] {
            promises[name] = try limits.member("container_per_" + name).number()
        }
        let wall = try timed.nanoseconds("vmm", .wall, .median)
        return try timed.rows(limits: promises)
            + Spans.rows("vmm run", spans, try figures.member("timings"), wall: wall)
    }
}
