import AgentProtocol
import Cgroups
import Containers
import Host
import Images
import Layers
import Logging
import Machine
import Template

/// Runs `vmm run`, whose options have been read.
enum Run {
    /// The exit status that docker uses for a failure other than the command's own.
    static let failureStatus: Int32 = 125

    static func run(_ options: RunOptions) throws(Failure) -> Never {
        let times = Timings(processStart: .processStart())
        times.note(.mainEntered)
        let logger = StandardErrorLog.logger(level: options.logLevel)
        if options.isInteractive, options.hasTerminal, !Terminal.isTerminal(0) {
            throw Failure(
                .usage, "cannot give the container a terminal", because: "the input device is not a TTY",
                cure: "Leave out -t where standard input is a pipe or a file.")
        }
        try options.validate()
        // KVM runs a worker thread in the cgroup in which the VM was created. If the monitor's cgroup is to
        // become a child of its present one, no process may remain there; so the VM is then created in the
        // monitor's own cgroup.
        let isLimited = try !options.limits().isEmpty
        let early = isLimited && MonitorCgroup.needsThisGroupEmpty ? nil : MachineStart(timings: times)
        let name = try ContainerName(options.name)
        let files = try GuestFiles(kernel: options.kernel, initramfs: options.initramfs)
        var store = try ImageStore.openForContainers()
        if let size = options.maxImportSize { store.limits = try ImportLimits(maxImportSize: size) }
        let image = try store.image(
            for: options.image, pull: options.pull,
            allowsOutsideRoot: options.allowsOutsideRoot,
            progress: options.isQuiet ? .silent : .automatic)
        if let notice = image.notice { logger.warning("\(notice)") }
        let plan = try ContainerPlan(options, image: image, host: .this)
        if isLimited { early?.wait() }
        let cgroup = MonitorCgroup(plan.limits, cpuCount: plan.cpuCount, identifier: plan.identifier)
        if let note = cgroup.note { logger.warning("\(note)") }
        let start = early ?? MachineStart(timings: times)
        var (machine, status): (Machine?, Int32) = try run(
            start, plan, options, files, image, consume store, times, logger)
        // The worker thread ends with the VM. The cgroup can be removed only after that.
        if early == nil { machine = nil }
        cgroup.leave()
        name.leave()
        machine?.exitProcess(status: status)
        ThisProcess.end(with: status)
    }

    private static func run(
        _ start: MachineStart, _ plan: ContainerPlan, _ options: RunOptions, _ files: GuestFiles,
        _ image: Image, _ store: consuming ImageStore, _ times: Timings, _ logger: Logger
    ) throws(Failure) -> (Machine, Int32) {
        var disk: WritableDisk?
        if let byteCount = plan.writableByteCount {
            disk = try WritableDisk(byteCount: byteCount, in: store.path + "/tmp")
        }
        let configuration = plan.machine(files, image: image, disk: disk?.path, append: options.append)
        let policy = try options.templatePolicy()
        let obstacle = policy == .never ? "--template never" : plan.templateObstacle(in: store)
        if let obstacle, policy == .require {
            throw Failure(.usage, "cannot start from a template", because: obstacle)
        }
        let template =
            obstacle == nil ? MachineTemplate(configuration, image: image, in: store) : nil
        let made = try ContainerMachine.make(
            ContainerMachine.Parts(
                plan, configuration, template: template, obstacle: obstacle,
                requiresTemplate: policy == .require, allowsEmulation: options.allowsEmulation,
                timings: times, logger: logger),
            from: start)
        let (machine, session) = (made.machine, made.session)
        disk = nil
        // The VM has opened its layers. Release the store, so that commands that remove images need not wait
        // for this container.
        _ = consume store
        let end = machine.run(endsProcess: true)
        let outcome = ContainerOutcome(session.containerEnd, machine: end)
            .noting(outputFailure: session.outputFailure)
        if let path = options.timings { try WholeFile.write(times.json(end: end), to: path) }
        let console = machine.consoleTail
        if let message = outcome.message { report(message, outcome.wantsConsole ? console : []) }
        var killed = session.killedProcesses
        // The agent could not report the process any more.
        if killed.isEmpty, outcome.status != 0, KernelLog.reportsOutOfMemory(console) { killed.add(nil) }
        if let message = killed.message(plan) { report(message, []) }
        made.teachTemplate()
        return (machine, outcome.status)
    }

    /// Prints the message, and the last lines of the guest's kernel log if there are any.
    private static func report(_ message: String, _ console: [UInt8]) {
        StandardError.write("vmm: \(message)\n")
        for line in KernelLog.lastLines(console, count: 20) { StandardError.write("  | \(line)\n") }
    }
}

extension ContainerPlan.Host {
    /// The host that this process runs on.
    static var this: ContainerPlan.Host {
        let size = Terminal.size(of: 1) ?? Terminal.size(of: 0)
        return ContainerPlan.Host(
            terminalSize: size.map { TerminalSize(columns: $0.columns, rows: $0.rows) },
            variable: { Environment.value($0) },
            file: { path throws(Failure) in try WholeFile.read(path, upTo: 16 << 20) })
    }
}
