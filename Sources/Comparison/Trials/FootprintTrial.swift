import CHost
import Host
import Measure

/// Starts idle instances one after another, keeps all of them, and measures their cost.
struct FootprintTrial {
    let runner: PathRunner
    let context: PathContext
    let interruption: Interruption
    let most: Int
    let limit: Double

    /// The numbers of instances at which figures are taken; the last is the number that was asked for.
    private var steps: [Int] {
        let usual = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].filter { $0 < most }
        return usual + [most]
    }

    func run(_ subject: Subject, _ command: [String]) throws(RunProblem) -> Footprint {
        var footprint = Footprint()
        var instances: [Instance] = []
        let path = runner.path
        let batch: Batch
        do throws(Failure) {
            for _ in 0..<most {
                instances.append(try runner.instance(subject))
                try path.makeReady(instances[instances.count - 1], command)
            }
            batch = try Batch(instances.map { path.launch($0, command) }, interruption: interruption)
        } catch { throw .host(error) }
        runner.enterGroup()
        defer { end(batch, instances) }
        let before = MemoryInfo.availableByteCount()
        let (processes, threads) = Self.population()
        var count = 0
        for step in steps {
            var starts: [Double] = []
            while count < step {
                starts.append(try add(batch, count, instances[count]))
                count += 1
            }
            let available = MemoryInfo.availableByteCount()
            footprint.points.append(
                Footprint.Point(
                    count: step, memoryByteCount: before - available, start: Distribution(starts).median))
            if let reason = Self.reasonToStop(available: available, per: (before - available) / step) {
                footprint.end = reason
                break
            }
        }
        if footprint.end.isEmpty { footprint.end = "as many as were asked for" }
        look(&footprint, count, batch, processes, threads)
        if let each = footprint.memoryByteCount {
            footprint.capacity = Self.capacity(before, each, footprint.threadCount)
        }
        return footprint
    }

    /// Starts another instance, waits for its first byte, and returns the seconds until then.
    private func add(_ batch: Batch, _ index: Int, _ instance: Instance) throws(RunProblem) -> Double {
        let begin = MonotonicTime.now()
        do throws(Failure) {
            try runner.path.mount(instance)
            try batch.start(index, begin: begin)
        } catch { throw .host(error) }
        switch batch.wait(for: .firstBytes, until: begin.adding(seconds: limit)) {
        case .interrupted: throw .interrupted
        case .outOfTime:
            batch.stop(.outOfTime)
            throw .outOfTime(batch.outcomes()[index])
        case .reached: break
        }
        guard batch.isRunning(index), let first = batch.firstByte(of: index) else {
            batch.stop(.stopped)
            throw .failed(batch.outcomes()[index])
        }
        return first.seconds(since: begin)
    }

    /// Returns the reason to stop if one more instance would leave the host less than 256 MiB.
    private static func reasonToStop(available: Int, per each: Int) -> String? {
        let reserve = 256 << 20
        return available - max(0, each) < reserve
            ? "no more memory: \(Decimal.bytes(Double(available))) left" : nil
    }

    private func look(
        _ footprint: inout Footprint, _ count: Int, _ batch: Batch, _ processesBefore: Int,
        _ threadsBefore: Int
    ) {
        if let processes = runner.processes(leaders: batch.processes) {
            footprint.processCount = Double(processes.count) / Double(count)
            let threads = processes.reduce(0) { $0 + ProcessTable.threadCount($1) }
            footprint.threadCount = Double(threads) / Double(count)
            let sizes = processes.compactMap { ProcessTable.kibibytes("Pss", of: $0) }
            // Kernels without smaps_rollup report no size.
            if !sizes.isEmpty { footprint.pssByteCount = sizes.reduce(0, +) * 1024 / count }
        } else {
            let (processes, threads) = Self.population()
            footprint.processCount = Double(max(0, processes - processesBefore)) / Double(count)
            footprint.threadCount = Double(max(0, threads - threadsBefore)) / Double(count)
        }
    }

    /// Returns the number of instances that would fit, by memory and by the kernel's number of process IDs.
    private static func capacity(_ available: Int, _ each: Double, _ threads: Double?) -> Int {
        let tasks = Double(KernelFile.number("/proc/sys/kernel/pid_max") ?? 32768) / max(1, threads ?? 1)
        return Int(min(Double(available) / each, tasks))
    }

    private static func population() -> (processes: Int, threads: Int) {
        let all = ProcessTable.all()
        return (all.count, all.reduce(0) { $0 + ProcessTable.threadCount($1) })
    }

    /// Sends SIGTERM to all instances, waits ten seconds, and kills the rest.
    private func end(_ batch: Batch, _ instances: [Instance]) {
        batch.send(SIGTERM)
        _ = batch.wait(for: .ends, until: MonotonicTime.now().adding(seconds: 10))
        batch.stop(.stopped)
        runner.settle()
        let outcomes = batch.outcomes()
        for (index, instance) in instances.enumerated() {
            runner.path.cleanUp(instance, index < outcomes.count ? outcomes[index] : nil)
            Files.removeTree(instance.directory)
        }
        runner.leaveGroup()
    }
}
