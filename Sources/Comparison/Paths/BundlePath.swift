import Host
import Measure

/// runc and crun: for each run an OCI bundle with namespaces, a cgroup and a new overlay of the image's
/// layers.
final class BundlePath: RuntimePath {
    let name: String
    let version: String
    let executables: [String]
    private let program: String
    private let context: PathContext
    private let state: String

    var description: String {
        "\(name) run of an OCI bundle as `\(name) spec` makes it: own namespaces, no network, an overlay of the layers"
    }

    init(_ name: String, program: String, version: String, _ context: PathContext) throws(Failure) {
        self.name = name
        self.program = program
        self.version = version
        self.context = context
        executables = [program]
        state = try context.workspace.directory(name + "-state")
    }

    private func overlay(_ instance: Instance) -> Overlay {
        Overlay(directory: instance.directory + "/layers", lower: instance.subject.layers)
    }

    func makeReady(_ instance: Instance, _ command: [String]) throws(Failure) {
        let overlay = overlay(instance)
        try overlay.prepare()
        let specification = BundleSpecification(
            subject: instance.subject, command: command, root: overlay.root,
            controlGroup: context.groups.map { "\($0.name)/\(name)/\(instance.name)" })
        try WholeFile.write(specification.json.text() + "\n", to: instance.directory + "/config.json")
    }

    func mount(_ instance: Instance) throws(Failure) {
        try overlay(instance).mount()
    }

    func launch(_ instance: Instance, _ command: [String]) -> Launch {
        Launch(
            [program, "--root", state, "run", "--bundle", instance.directory, instance.name],
            environment: context.environment)
    }

    func milestones(_ instance: Instance, _ outcome: Outcome) -> Milestones {
        var milestones = Milestones()
        milestones.end("layers", at: outcome.spawn.seconds(since: outcome.begin))
        milestones.end("start", at: outcome.firstByte?.seconds(since: outcome.begin))
        return milestones
    }

    func cleanUp(_ instance: Instance, _ outcome: Outcome?) {
        if outcome?.isSuccess != true, FileStatus(of: state + "/" + instance.name) != nil {
            _ = try? context.tool.run([program, "--root", state, "delete", "--force", instance.name])
        }
        overlay(instance).remove()
    }

    func imageByteCount(_ subject: Subject) -> Int? {
        subject.layers.reduce(0) { $0 + Storage.byteCount($1) }
    }
}
