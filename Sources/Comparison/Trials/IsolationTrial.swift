import CHost
import Host
import Measure

/// Determines what a path lets a command see and do, from inside and from outside.
struct IsolationTrial {
    let runner: PathRunner
    let interruption: Interruption
    let limit: Double
    let allowsDanger: Bool

    func run(_ subject: Subject) throws(RunProblem) -> [Sight] {
        var sights = try look(subject)
        sights.append(Sight(name: Self.callsName, value: try calls(subject)))
        sights.append(Sight(name: "a panic asked for inside", value: try panic(subject, sights)))
        guard allowsDanger else { return sights }
        sights.append(Sight(name: "\(Harm.processes) processes made inside", value: try forks(subject)))
        sights.append(
            Sight(name: "\(Decimal.bytes(Double(Harm.byteCount))) taken inside", value: try fill(subject)))
        return sights
    }

    static let callsName = "of \(InsideProgram.calls) system calls, reach this host's kernel"

    private func look(_ subject: Subject) throws(RunProblem) -> [Sight] {
        let (_, outcomes) = try runner.complete(subject, InsideProgram.command(.look))
        return InsideProgram.answers(outcomes[0].output).filter { $0.name.hasPrefix("see:") }.map {
            Sight(name: String($0.name.dropFirst(4)), value: $0.value)
        }
    }

    /// Counts the system calls that reach the host's kernel: the difference between a run with many calls and
    /// one with none, because start and end cost calls too.
    private func calls(_ subject: Subject) throws(RunProblem) -> String {
        let counter: SystemCallCounter
        do throws(Failure) { counter = try SystemCallCounter() } catch { return "not known: \(error.why)" }
        var counts: [Int64] = []
        for task in [InsideProgram.Task.nocalls, .calls] {
            let before = counter.count
            _ = try runner.complete(subject, InsideProgram.command(task))
            counts.append(Int64(clamping: counter.count &- before))
        }
        let reached = max(0, counts[1] - counts[0])
        // Other processes of the host make system calls too, and no two starts are equal, hence the
        // tolerance.
        if reached < Int64(InsideProgram.calls / 50) { return "almost none" }
        return "all" + (reached > Int64(InsideProgram.calls * 12 / 10) ? " (\(reached) counted)" : "")
    }

    /// Asks the kernel to panic, but only if the guest has a kernel of its own; with the host's kernel,
    /// reports whether it would be possible.
    private func panic(_ subject: Subject, _ sights: [Sight]) throws(RunProblem) -> String {
        let door = sights.first { $0.name.contains("sysrq") }?.value ?? ""
        let kernel = sights.first { $0.name == "kernel release" }?.value ?? ""
        let isOwnKernel = runner.path.hasOwnKernel && !kernel.isEmpty
        if !isOwnKernel { return door == "refused" ? "refused" : "would take this host down: not tried" }
        let refusal = door == "refused" ? "refused; with every privilege, " : ""
        let outcome = try watch(subject, InsideProgram.command(.panic), isPrivileged: true).outcome
        if outcome.output.contains("refused") { return refusal + "refused too" }
        if outcome.output.contains("survived") { return refusal + "it does nothing" }
        let words =
            outcome.error.split(whereSeparator: \.isNewline).first.map(String.init) ?? "\(outcome.ending)"
        return (refusal + "it ends the machine alone: \(words)").shortened(to: 160)
    }

    private func forks(_ subject: Subject) throws(RunProblem) -> String {
        let watched = try watch(subject, InsideProgram.command(.forks))
        return "\(watched.mostProcesses) more processes on the host, \(watched.processesAfter) afterwards"
    }

    private func fill(_ subject: Subject) throws(RunProblem) -> String {
        let watched = try watch(subject, InsideProgram.command(.fill))
        let took = InsideProgram.answers(watched.outcome.output).last { $0.name == "took" }
        let got = took.flatMap { Double($0.value) } ?? 0
        let memory = Decimal.bytes(Double(watched.mostMemory))
        return "\(got >= Double(Harm.byteCount) ? "got it" : "stopped (\(watched.outcome.ending))"): "
            + "\(memory) of the host's, \(Decimal.bytes(Double(max(0, watched.memoryAfter)))) afterwards"
    }
}

extension IsolationTrial {
    /// The effects of a run on the host.
    private struct Watched {
        var outcome: Outcome
        var mostProcesses = 0
        var processesAfter = 0
        var mostMemory = 0
        var memoryAfter = 0
    }

    /// Runs a command that may end in any way, and samples the host's processes and memory meanwhile.
    private func watch(
        _ subject: Subject, _ command: [String], isPrivileged: Bool = false
    ) throws(RunProblem) -> Watched {
        var instance: Instance
        let batch: Batch
        let processes = ProcessTable.all().count
        let memory = MemoryInfo.availableByteCount()
        var (mostProcesses, mostMemory) = (0, 0)
        runner.enterGroup()
        defer { runner.leaveGroup() }
        do throws(Failure) {
            instance = try runner.instance(subject)
            instance.isPrivileged = isPrivileged
            try runner.path.makeReady(instance, command)
            batch = try Batch([runner.path.launch(instance, command)], interruption: interruption)
            try runner.path.mount(instance)
            try batch.start(0, begin: .now())
        } catch { throw .host(error) }
        let deadline = MonotonicTime.now().adding(seconds: limit)
        var result = Batch.Result.outOfTime
        while result == .outOfTime, MonotonicTime.now() < deadline {
            result = batch.wait(for: .ends, until: MonotonicTime.now().adding(seconds: 0.05))
            mostProcesses = max(mostProcesses, ProcessTable.all().count - processes)
            mostMemory = max(mostMemory, memory - MemoryInfo.availableByteCount())
        }
        batch.stop(.outOfTime)
        runner.settle()
        let outcome = batch.outcomes()[0]
        runner.path.cleanUp(instance, outcome)
        Files.removeTree(instance.directory)
        if result == .interrupted { throw .interrupted }
        // The processes that adopted the orphans need time to collect them.
        for _ in 0..<100 where ProcessTable.all().count > processes { usleep(10_000) }
        return Watched(
            outcome: outcome, mostProcesses: mostProcesses,
            processesAfter: max(0, ProcessTable.all().count - processes), mostMemory: mostMemory,
            memoryAfter: memory - MemoryInfo.availableByteCount())
    }
}
