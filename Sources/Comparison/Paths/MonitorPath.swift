import Containers
import Host
import Images

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
        let times = MonitorTimings(Files.text(timings(instance)) ?? "", begin: outcome.begin)
        var milestones = Milestones()
        milestones.end("monitor", at: times.seconds("first_run"))
        milestones.end("kernel", at: times.seconds("userland"))
        milestones.end("init", at: times.seconds("agent_ready"))
        milestones.end("layers", at: times.seconds("process_started"))
        milestones.end("command", at: times.seconds("process_ended"))
        return milestones
    }

    func cleanUp(_ instance: Instance, _ outcome: Outcome?) {}
    func imageByteCount(_ subject: Subject) -> Int? { subject.storedByteCount }
}

/// The output of vmm's `--timings`: nanoseconds since the start of its process.
struct MonitorTimings {
    private let text: String
    private let begin: MonotonicTime

    init(_ text: String, begin: MonotonicTime) {
        self.text = text
        self.begin = begin
    }

    /// Returns the seconds from `begin` to a step; nil if the step was not reached or is unknown.
    func seconds(_ step: String) -> Double? {
        guard let start = number("process_start"), let since = number(step) else { return nil }
        return MonotonicTime(nanoseconds: start &+ since).seconds(since: begin)
    }

    private func number(_ name: String) -> UInt64? {
        guard let place = text.firstRange(of: "\"\(name)\":") else { return nil }
        return UInt64(text[place.upperBound...].drop { $0 == " " }.prefix { $0.isNumber })
    }
}
