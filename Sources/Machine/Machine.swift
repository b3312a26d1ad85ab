import Boot
import Devices
import GuestMemory
public import Host
import KVM
import Layout
public import Logging
import Virtio

/// A machine, built and ready to run: from a configuration to its end.
public final class Machine: Sendable {
    private let kvm: KVMSystem
    private let system: VirtualMachine
    private let memory: GuestMemory
    private let board: Board
    private let cpus: [VCPUThread]
    private let loop: EventLoop
    private let control: MachineControl
    private let counters = GuestCounters()
    private let timings: Timings
    private let logger: Logger
    private let session: (any AgentSession)?
    private let silenceHint: String

    /// Builds the machine that `start` has begun: opens every file, loads the kernel, and stops short of its first
    /// instruction.
    ///
    /// A configuration that makes no sense, a file that cannot be used and a host that cannot do it are failures; then
    /// nothing on disk has been changed. `allowsEmulation` goes on where KVM has no hardware virtualization.
    ///
    /// With a `session` the guest has a port for it, and the monitor's streams and signals are the session's: nothing here
    /// touches them.
    public init(
        _ configuration: MachineConfiguration, from start: MachineStart, session: (any AgentSession)? = nil,
        timings: Timings, logger: Logger, allowsEmulation: Bool = false
    ) throws(Failure) {
        try configuration.validate()
        precondition(
            session == nil || configuration.keepsConsole || configuration.console == .none,
            "a session has the streams for itself")
        let kvm = try start.kvm()
        if !allowsEmulation { try kvm.requireHardwareVirtualization() }
        let loop = try EventLoop()
        let control = MachineControl(loop: loop)
        let memory = try GuestMemory(byteCount: configuration.memoryByteCount)
        try start.readFeatures()
        let system = try start.system()
        try system.map(memory)
        try system.createInterruptControllers(tssAddress: Layout.taskState.rawValue)
        start.makeCPUs(configuration.cpuCount)
        timings.note(.memoryReady)
        let kernel = try LinuxLoader.place(
            kernel: configuration.kernel, initramfs: configuration.initramfs,
            policy: LoadPolicy(allowsAnyKernel: configuration.allowsAnyKernel), into: memory)
        timings.note(.kernelLoaded)
        var configuration = configuration
        try configuration.settleConsole(for: kernel.traits) { (driver) throws(Failure) in
            try kernel.has(driver)
        }
        let board = try BoardBuilder(
            configuration, memory: memory, loop: loop, control: control, session: session, timings: timings,
            logger: logger
        ).build(for: system)
        let entry = try Self.finish(kernel, configuration, system, board, logger)
        timings.note(.devicesReady)
        let cpus = try start.cpus(withoutLocalAPIC: entry.mayLackLocalAPIC)
        try cpus[0].enter(entry.state)
        self.kvm = kvm
        self.system = system
        self.memory = memory
        self.board = board
        self.cpus = cpus
        self.loop = loop
        self.control = control
        self.timings = timings
        self.logger = logger
        self.session = session
        silenceHint = configuration.silenceHint
    }

    /// Tells the kernel of its machine, and the user of a console that it is told of and the machine lacks.
    private static func finish(
        _ kernel: borrowing PlacedKernel, _ configuration: MachineConfiguration, _ system: VirtualMachine,
        _ board: Board, _ logger: Logger
    ) throws(Failure) -> BootEntry {
        let description = board.description(cpuCount: configuration.cpuCount)
        let commandLine = configuration.kernelCommandLine(
            on: description, for: kernel.traits, timeStampFrequency: { system.timeStampFrequency })
        if let hint = configuration.missingConsoleHint(for: commandLine) { logger.warning("\(hint)") }
        let entry = try kernel.finish(commandLine: commandLine, machine: description)
        logger.debug("the kernel starts at \(GuestAddress(entry.state.instructionPointer)) (\(entry.form))")
        return entry
    }

    /// What to try where the guest has come to its end and printed nothing on its console; nil where it has, or has none.
    public var hintAfterSilence: String? {
        guard let console = board.console, !console.sink.hasBegun else { return nil }
        return silenceHint
    }

    /// The last 16 KiB of what the guest said on a console that is kept.
    public var consoleTail: [UInt8] { board.consoleTail?.bytes ?? [] }

    /// Why output of the guest's console could not be written, after `run`; nil where all was, or nobody reads it any more.
    public var outputFailure: Failure? { board.console?.outputFailure }

    /// The errors of each virtio device until now; after `run`, until the machine's end.
    public var deviceReports: [DeviceReport] { board.deviceReports }

    /// Runs the machine on the calling thread and its vCPUs' until it ends, however it does. Once only.
    ///
    /// With `endsProcess` nothing but the end of the process follows: an end that a disk or a reader holds up is then cut short
    /// (`ThisProcess.limitEnd`).
    public func run(endsProcess: Bool = false) -> MachineEnd {
        do throws(Failure) {
            let signals =
                session == nil ? try MachineSignals(board: board, control: control, loop: loop) : nil
            let hugePages = try HugePages(for: memory, loop: loop)
            defer { hugePages.stop() }
            let silence = try SilenceWatch(console: board.console, hint: silenceHint, loop: loop)
            defer { silence?.stop() }
            try board.console?.start()
            try startSession()
            VCPUThread.prepare()
            timings.note(.firstRun)
            for cpu in cpus {
                try cpu.start(
                    VCPULoop(
                        cpu: cpu.index, ports: board.ports, windows: board.windows, memory: memory,
                        files: board.persistentMemory?.files, control: control, counters: counters))
            }
            try loop.run()
            signals?.stop()
        } catch {
            control.finish(.failed(error))
        }
        if endsProcess { ThisProcess.limitEnd(with: session?.exitStatus ?? control.reason?.exitStatus ?? 0) }
        defer { if endsProcess { ThisProcess.endIsDue() } }
        return finish()
    }

    /// Ends the process with the machine, after `run`. The guest's memory goes with the process: to let go of it before costs
    /// more. KVM's machine goes after it, because KVM waits for grace periods of the host's kernel to take one down, and
    /// nobody has to wait for those; but where another machine is being taken down so, each goes with its process: many
    /// wait for the same grace period together, and one after the other for one each.
    public func end(with status: Int32) -> Never {
        withExtendedLifetime(self) {
            system.closeAfterProcess(of: kvm)
            ThisProcess.end(with: status)
        }
    }

    private func startSession() throws(Failure) {
        guard let session, let port = board.agentPort else { return }
        try session.start(
            AgentLink(loop: loop, port: port, control: control, powerButton: board.powerButton))
    }

    /// Stops the CPUs, then the devices, then the console, so that nothing the guest asked for is lost.
    private func finish() -> MachineEnd {
        board.console?.sink.stopWaiting()
        for cpu in cpus { cpu.interrupt() }
        for cpu in cpus { cpu.join() }
        board.notes.end()
        board.stop()
        session?.end()
        board.console?.end()
        if let first = board.console?.sink.firstByteTime { timings.note(.firstConsoleByte, at: first) }
        timings.note(.end)
        timings.note(counters.values, board.deviceReports)
        let warnings = counters.values.warnings + deviceReports.compactMap(\.warning)
        for warning in warnings { logger.warning("\(warning)") }
        return control.reason ?? .failed(Failure(.software, "the machine ended", because: "nobody said why"))
    }
}
