import Containers
import Host
import Images
import Measure

/// `vmm run`, by the monitor that the comparison measures.
final class MonitorPath: RuntimePath {
    let name = "vmm"
    let version: String
    let executables: [String]
    let hasOwnKernel = true
    private let context: PathContext
    /// The identifier of a derived subject in the image store.
    private var derivedReference: String?

    let description =
        "vmm run: a virtual machine with a kernel of its own for each run, its layers read-only, written to memory"

    init(version: String, _ context: PathContext) {
        self.version = version
        self.context = context
        executables = [context.monitor]
    }

    private func timings(_ instance: Instance) -> String { instance.directory + "/timings" }

    /// Imports a derived subject once. With a directory's name, vmm would scan the directory at each start,
    /// which container runtimes do not do.
    func prepare(_ subject: Subject) throws(Failure) {
        guard subject.isDerived else { return }
        derivedReference = try ImageStore.openForContainers().image(for: subject.reference).identifier
    }

    func makeReady(_ instance: Instance, _ command: [String]) throws(Failure) {}

    func launch(_ instance: Instance, _ command: [String]) -> Launch {
        let subject = instance.subject
        let privileges = ["--cap-add", "ALL", "--security-opt", "systempaths=unconfined"]
        var words = [context.monitor, "run", "--timings", timings(instance)]
        if let kernel = context.kernel { words += ["--kernel", kernel] }
        if let append = context.append { words += ["--append", append] }
        // The subject's command already includes the entry point; without this option vmm would add the
        // image's again.
        words += ["--entrypoint", ""] + (instance.isPrivileged ? privileges : [])
        if subject.isDerived {
            for variable in subject.environment { words += ["-e", variable] }
            words += ["-w", subject.workingDirectory]
            if !subject.user.isEmpty { words += ["-u", subject.user] }
        }
        let reference = (subject.isDerived ? derivedReference : nil) ?? subject.reference
        return Launch(words + [reference] + command, environment: context.environment)
    }

    /// Returns the milestones that the monitor recorded with `--timings`. Both processes use the same clock.
    func milestones(_ instance: Instance, _ outcome: Outcome) -> Milestones {
        let timings = KernelFile.text(timings(instance)).flatMap { MonitorTimings($0) }
        var milestones = Milestones()
        for (phase, step) in [
            ("monitor", "first_run"), ("kernel", "userland"), ("init", "agent_ready"),
            ("layers", "process_started"), ("command", "process_ended"),
        ] { milestones.end(phase, at: timings?.seconds(to: step, since: outcome.begin)) }
        return milestones
    }

    func cleanUp(_ instance: Instance, _ outcome: Outcome?) {}
    func imageByteCount(_ subject: Subject) -> Int? { subject.storedByteCount }
}
