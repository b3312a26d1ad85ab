import CHost
import Host
import Measure

/// The reasons why runs gave no samples.
enum RunProblem: Error {
    case failed(Outcome)
    case outOfTime(Outcome)
    case interrupted
    case host(Failure)

    /// Returns one line for the user.
    func description(limit: Double) -> String {
        switch self {
        case .failed(let outcome):
            outcome.lastLine.map { "\(outcome.ending): \($0)" } ?? "\(outcome.ending), without a message"
        case .outOfTime: "it was still running after \(Decimal.text(limit, digits: 3)) s"
        case .interrupted: "it was interrupted"
        case .host(let failure): "\(failure.what): \(failure.why)"
        }
    }
}

/// Runs commands in one path.
final class PathRunner {
    let path: any RuntimePath
    private let context: PathContext
    private let interruption: Interruption
    private let limit: Double
    private var count = 0
    private let isGrouped: Bool

    init(_ path: any RuntimePath, _ context: PathContext, interruption: Interruption, limit: Double) {
        self.path = path
        self.context = context
        self.interruption = interruption
        self.limit = limit
        isGrouped = context.groups?.makeGroup(path.name) ?? false
    }

    var cpuScope: String {
        if path.hasDaemon { return "not known: the daemon's processes do the work" }
        if isGrouped { return "every process of the path (its control group)" }
        return path.treeHoldsAll
            ? "the process and its descendants" : "not known: helpers leave the process tree"
    }

    func instance(_ subject: Subject) throws(Failure) -> Instance {
        count += 1
        let name = "vmm-compare-\(getpid())-\(path.name)-\(count)"
        return Instance(
            subject: subject, name: name, directory: try context.workspace.directory("\(path.name)/\(count)"))
    }

    /// Runs `command` to its end in `together` simultaneous instances, and returns a sample for each.
    func run(_ subject: Subject, _ command: [String], round: Int, together: Int = 1) throws(RunProblem)
        -> [Sample]
    {
        let (samples, _) = try complete(subject, command, round: round, together: together)
        return samples
    }

    /// Runs `command` like `run`, and returns the outcomes, with their output, too.
    func complete(
        _ subject: Subject, _ command: [String], round: Int = 0, together: Int = 1
    ) throws(RunProblem) -> ([Sample], [Outcome]) {
        var instances: [Instance] = []
        var outcomes: [Outcome] = []
        defer { cleanUp(instances, outcomes) }
        let result: Batch.Result
        var groupCPU: Double?
        do throws(Failure) {
            for _ in 0..<together {
                instances.append(try instance(subject))
                try path.makeReady(instances[instances.count - 1], command)
            }
            let batch = try Batch(instances.map { path.launch($0, command) }, interruption: interruption)
            if isGrouped { context.groups?.enter(path.name) }
            let before = CPUReading(groupTime)
            let deadline = MonotonicTime.now().adding(seconds: limit)
            for index in instances.indices {
                let begin = MonotonicTime.now()
                try path.mount(instances[index])
                try batch.start(index, begin: begin)
            }
            result = batch.wait(for: .ends, until: deadline)
            if result != .reached { batch.stop(result == .outOfTime ? .outOfTime : .stopped) }
            if isGrouped { context.groups?.settle(path.name) }
            groupCPU = before?.seconds(to: CPUReading(groupTime))
            outcomes = batch.outcomes()
        } catch { throw .host(error) }
        try check(result, outcomes)
        let samples = outcomes.indices.map { index in
            let cpu = groupCPU.map { $0 / Double(together) } ?? treeCPU(outcomes[index])
            return sample(instances[index], outcomes[index], cpu: cpu, round: round, together: together)
        }
        return (samples, outcomes)
    }

    private var groupTime: UInt64? {
        isGrouped && !path.hasDaemon ? context.groups?.cpuTime(of: path.name) : nil
    }

    private func treeCPU(_ outcome: Outcome) -> Double? {
        path.treeHoldsAll ? Double(outcome.treeCPU) / 1e9 : nil
    }

    private func check(_ result: Batch.Result, _ outcomes: [Outcome]) throws(RunProblem) {
        if result == .interrupted { throw .interrupted }
        if let late = outcomes.first(where: { $0.ending == .outOfTime }) { throw .outOfTime(late) }
        if let failed = outcomes.first(where: { !$0.isSuccess }) { throw .failed(failed) }
    }

    private func sample(_ instance: Instance, _ outcome: Outcome, cpu: Double?, round: Int, together: Int)
        -> Sample
    {
        let total = outcome.end.seconds(since: outcome.begin)
        return Sample(
            total: total, firstByte: outcome.firstByte?.seconds(since: outcome.begin), cpu: cpu,
            phases: path.milestones(instance, outcome).phases(total: total, last: "end"), round: round,
            together: together)
    }

    private func cleanUp(_ instances: [Instance], _ outcomes: [Outcome]) {
        for (index, instance) in instances.enumerated() {
            path.cleanUp(instance, index < outcomes.count ? outcomes[index] : nil)
            Files.removeTree(instance.directory)
        }
        if isGrouped { context.groups?.leave() }
    }

    /// Returns the running processes of the path; nil if they cannot be determined.
    func processes(leaders: [Int32]) -> [Int32]? {
        if path.hasDaemon { return nil }
        if isGrouped { return context.groups?.processes(of: path.name) }
        return path.treeHoldsAll ? ProcessTable.descendants(of: leaders) : nil
    }

    /// The cgroup for trials that start instances without `complete`.
    func enterGroup() { if isGrouped { context.groups?.enter(path.name) } }
    func leaveGroup() { if isGrouped { context.groups?.leave() } }
    func settle() { if isGrouped { context.groups?.settle(path.name) } }
}

/// A reading of a cgroup's CPU time, and of this process's share in it.
private struct CPUReading {
    let group: UInt64
    let own: UInt64

    /// Reads this process's time first: getrusage(2) makes the kernel account for the running thread, in the
    /// cgroup too.
    init?(_ group: @autoclosure () -> UInt64?) {
        var usage = rusage()
        unsafe getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        guard let group = group() else { return nil }
        self.group = group
        own = usage.cpuNanoseconds
    }

    /// Returns the CPU time that other processes used between two readings, in seconds.
    func seconds(to later: CPUReading?) -> Double? {
        guard let later else { return nil }
        let others = Int64(bitPattern: later.group &- group) &- Int64(bitPattern: later.own &- own)
        return Double(max(0, others)) / 1e9
    }
}
