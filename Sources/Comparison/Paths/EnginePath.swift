import Host
import Measure

/// podman and docker: engines with their own storage, into which the image's files are imported once.
final class EnginePath: RuntimePath {
    let name: String
    let version: String
    let executables: [String]
    let hasDaemon: Bool
    private let program: String
    private let context: PathContext
    /// The options before the engine's command, and the additional options of its `run` command.
    private var global: [String]
    private var more: [String] = []
    private var images: [String: Int] = [:]

    var treeHoldsAll: Bool { !hasDaemon && context.groups != nil }

    var description: String {
        let options = (["--rm", "--network none"] + more).joined(separator: " ")
        return "\(name) run \(options), the image in storage of its own"
    }

    init(
        _ name: String, program: String, helpers: [String], version: String, hasDaemon: Bool,
        _ context: PathContext
    ) throws(Failure) {
        self.name = name
        self.program = program
        self.version = version
        self.hasDaemon = hasDaemon
        self.context = context
        executables = [program] + helpers
        global = []
        guard !hasDaemon else { return }
        let graph = try context.workspace.directory(name + "-graph")
        let run = try context.workspace.directory(name + "-run")
        global = ["--root", graph, "--runroot", run, "--storage-driver", "overlay"]
        if let groups = context.groups {
            global += ["--cgroup-manager", "cgroupfs"]
            more = ["--cgroup-parent", groups.name + "/" + name]
        }
    }

    private func image(_ subject: Subject) -> String { "localhost/vmm-compare-\(subject.identifier):latest" }

    func prepare(_ subject: Subject) throws(Failure) {
        let tree = try SubjectTree(subject, in: context.workspace, for: name)
        defer { tree.remove() }
        let script = "tar -C \"$1\" --numeric-owner --xattrs -c . | \"$@\""
        let importing = [program] + global + ["import", "-", image(subject)]
        // The shell shifts $1 away: "$@" must be the engine's command alone.
        let words = [
            "/bin/sh", "-c", "tree=$1; shift; " + script.replacing("\"$1\"", with: "\"$tree\""), "sh",
            tree.root,
        ]
        try context.tool.output(
            words + importing, doing: "cannot import the image into \(name)",
            more: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
        let size = try? context.tool.run(
            [program] + global + ["image", "inspect", "--format", "{{.Size}}", image(subject)])
        images[subject.identifier] = size.flatMap {
            Int($0.output.split(whereSeparator: \.isWhitespace).first ?? "")
        }
    }

    func makeReady(_ instance: Instance, _ command: [String]) throws(Failure) {}

    func launch(_ instance: Instance, _ command: [String]) -> Launch {
        var words = [program] + global + ["run", "--rm", "--network", "none", "--name", instance.name] + more
        for variable in instance.subject.environment { words += ["-e", variable] }
        words += ["-w", instance.subject.workingDirectory]
        if !instance.subject.user.isEmpty { words += ["-u", instance.subject.user] }
        return Launch(words + [image(instance.subject)] + command, environment: context.environment)
    }

    func cleanUp(_ instance: Instance, _ outcome: Outcome?) {
        if outcome?.isSuccess == true { return }
        _ = try? context.tool.run([program] + global + ["rm", "--force", instance.name])
    }

    func imageByteCount(_ subject: Subject) -> Int? { images[subject.identifier] }

    func tearDown() {
        // The storage of podman is in the workspace. A daemon's storage is not, so its images are removed
        // here.
        for identifier in images.keys where hasDaemon {
            _ = try? context.tool.run([
                program, "rmi", "--force", "localhost/vmm-compare-\(identifier):latest",
            ])
        }
    }
}

/// The whole root file system of a subject, in one directory.
struct SubjectTree {
    let root: String
    private let overlay: Overlay?

    init(_ subject: Subject, in workspace: Workspace, for reader: String) throws(Failure) {
        if subject.layers.count == 1 {
            root = subject.layers[0]
            overlay = nil
            return
        }
        let overlay = Overlay(
            directory: try workspace.directory("\(reader)-\(subject.identifier)-tree"), lower: subject.layers)
        try overlay.prepare()
        try overlay.mount()
        self.overlay = overlay
        root = overlay.root
    }

    func remove() { overlay?.remove() }
}
