import Glibc
import Host
import Measure

/// Starts and ends many monitors with tiny guests, and counts what the system has before, meanwhile and
/// afterwards.
struct Monitors {
    let programs: Programs
    /// The command line of a monitor whose guest idles until its power button is pressed.
    let idle: [String]
    /// The command line of a monitor whose guest ends at once.
    let halt: [String]

    private func batch(_ words: [String], _ count: Int) throws(Failure) -> Batch {
        var launch = Launch(words, environment: programs.environment)
        launch.output = .discarded
        launch.error = .discarded
        return try Batch(
            [Launch](repeating: launch, count: count), interruption: programs.interruption)
    }

    /// Keeps `count` monitors idle at once. A first round, which does not count, fills the kernel's caches.
    func keepIdle(_ count: Int) throws(Failure) -> JSON {
        let first = try batch(idle, count)
        try start(first, count)
        try waitForRest(first.processes)
        try end(first)
        settle()

        let monitors = try batch(idle, count)
        let (before, begin) = (SystemCounts(), MonotonicTime.now())
        try start(monitors, count)
        let started = MonotonicTime.now().seconds(since: begin)
        let processes = monitors.processes
        try waitForRest(processes)
        let during = SystemCounts()
        func numbers(_ figure: (pid_t) -> Int) -> JSON { .array(processes.map { .integer(figure($0)) }) }
        var members: [(String, JSON)] = [
            ("count", .integer(count)), ("started_s", .number(started)),
            ("pss_kib", numbers { ProcessTable.kibibytes("Pss", of: $0) ?? 0 }),
            ("anonymous_kib", numbers { ProcessTable.kibibytes("Anonymous", of: $0) ?? 0 }),
            ("threads", numbers(ProcessTable.threadCount)),
            ("descriptors", numbers(ProcessTable.descriptorCount)),
        ]
        let ending = MonotonicTime.now()
        members.append(("statuses", try end(monitors)))
        members.append(("ended_s", .number(MonotonicTime.now().seconds(since: ending))))
        settle()
        members += [("before", before.json), ("during", during.json), ("after", SystemCounts().json)]
        return .object(members)
    }

    private func start(_ batch: Batch, _ count: Int) throws(Failure) {
        for index in 0..<count {
            try programs.checkInterruption()
            try batch.start(index, begin: .now())
        }
    }

    /// Presses the power buttons, and returns the exit statuses, each once.
    @discardableResult
    private func end(_ batch: Batch) throws(Failure) -> JSON {
        batch.send(SIGTERM)
        batch.waitForEnds(seconds: 120)
        batch.stop(.outOfTime)
        return Self.statuses(batch.outcomes())
    }

    private static func statuses(_ outcomes: [Outcome]) -> JSON {
        let statuses = outcomes.map { outcome in
            if case .exited(let status) = outcome.ending { Int(status) } else { -1 }
        }
        return .array(Set(statuses).sorted().map { .integer($0) })
    }

    /// Waits until no monitor has used a tick of CPU time for a second: every guest is halted then.
    private func waitForRest(_ processes: [pid_t]) throws(Failure) {
        var before = -1
        while true {
            try programs.checkInterruption()
            let now = processes.reduce(0) { $0 + ProcessTable.cpuTicks($1) }
            if now == before { return }
            before = now
            sleep(1)
        }
    }

    /// Runs `count` monitors one after another. The first ones, which do not count, fill the kernel's caches.
    func runInSequence(_ count: Int) throws(Failure) -> JSON {
        for _ in 0..<max(count / 10, 1) { _ = try run() }
        settle()
        let (before, begin) = (SystemCounts(), MonotonicTime.now())
        var outcomes: [Outcome] = []
        for _ in 0..<count { outcomes.append(try run()) }
        let took = MonotonicTime.now().seconds(since: begin)
        let statuses = Self.statuses(outcomes)
        settle()
        return .object([
            ("count", .integer(count)), ("took_s", .number(took)), ("statuses", statuses),
            ("before", before.json), ("after", SystemCounts().json),
        ])
    }

    private func run() throws(Failure) -> Outcome {
        let batch = try batch(halt, 1)
        try start(batch, 1)
        batch.waitForEnds(seconds: 60)
        batch.stop(.outOfTime)
        return batch.outcomes()[0]
    }

    /// Lets the kernel finish the work that follows the end of a process, and return its caches. Nobody else
    /// uses those of the lab. Each pass frees what the one before only made free to be freed.
    private func settle() {
        sleep(3)
        guard Kernel.hostName() == "lab" else { return }
        for _ in 0..<5 {
            try? WholeFile.write("3", to: "/proc/sys/vm/drop_caches")
            sleep(1)
        }
    }
}

/// Counts of the whole system.
struct SystemCounts {
    private let availableKibibytes = MemoryInfo.kibibytes("MemAvailable") ?? 0
    private let openFiles = KernelFile.number("/proc/sys/fs/file-nr") ?? 0
    /// The number of KVM's VMs; nil where debugfs does not show it.
    private let machines = SystemCounts.countMachines()
    /// The children of this process, by birth or by adoption, zombies too.
    private let children = ProcessTable.children(of: getpid()).count

    private static func countMachines() -> Int? {
        let directory = "/sys/kernel/debug/kvm"
        guard FileStatus(of: directory) != nil, let names = try? Files.names(in: directory) else {
            return nil
        }
        return names.count { FileStatus(of: directory + "/" + $0)?.isDirectory == true }
    }

    /// The error of the count of open files: the kernel counts on each CPU and adds up in batches
    /// (lib/percpu_counter.c).
    private static var openFilesError: Int {
        let cpus = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        return cpus * max(32, 2 * cpus)
    }

    var json: JSON {
        .object([
            ("available_kib", .integer(Int(clamping: availableKibibytes))),
            ("open_files", .integer(Int(clamping: openFiles))),
            ("open_files_error", .integer(Self.openFilesError)), ("machines", .optional(machines)),
            ("children", .integer(children)),
        ])
    }
}
