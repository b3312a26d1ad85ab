import Boot
import Devices
import GuestMemory
public import Host
import KVM
import Layout
public import Logging
import Synchronization
import Virtio

/// A machine that is built and ready to run. docs/life-cycle.md has the phases of its life.
public final class Machine: Sendable {
    let kvm: KVMSystem
    let vm: VirtualMachine
    let memory: GuestMemory
    let board: Board
    let cpus: [VCPUThread]
    /// The number and the features of the vCPUs, as they were ordered.
    let order: VCPUOrder
    /// The number of pauses without their `resume`. Held while vCPUs are started, stopped and let go.
    let pauses = Mutex(0)
    private let loop: EventLoop
    let control: MachineControl
    private let counters = GuestCounters()
    private let timings: Timings
    private let logger: Logger
    private let session: (any AgentSession)?
    private let silenceHint: String

    /// Builds the machine that `start` has begun: opens every file, loads the kernel, and stops before the
    /// kernel's first instruction.
    ///
    /// Throws if the configuration is invalid, a file is unusable, or the host lacks a capability. Nothing on
    /// disk has changed then. With `allowsEmulation` it accepts a KVM without hardware virtualization.
    ///
    /// With a `session` the guest gets a port for it. The session then owns the monitor's streams and
    /// signals, and the machine leaves them alone.
    public convenience init(
        _ configuration: MachineConfiguration, from start: MachineStart, session: (any AgentSession)? = nil,
        timings: Timings, logger: Logger, allowsEmulation: Bool = false
    ) throws(Failure) {
        let frame = try Frame(
            configuration, from: start, session: session, timings: timings, logger: logger,
            allowsEmulation: allowsEmulation)
        // KVM asks the processor for the features, leaf by leaf, while the start's thread creates the VM.
        // Each leaf is an exit if the host is itself a guest.
        let features = try frame.kvm.guestFeatures()
        let prepared = try start.prepare(
            frame.memory, cpuCount: configuration.cpuCount, features: features)
        timings.note(.memoryReady)
        let kernel = try Self.loadKernel(of: configuration, into: frame.memory)
        timings.note(.kernelLoaded)
        let configuration = try Self.chooseConsole(of: configuration, for: kernel)
        let board = try BoardBuilder(configuration, frame).build(for: prepared.vm)
        let entry = try Self.describe(board, to: kernel, configuration, of: prepared.vm, logger)
        timings.note(.devicesReady)
        let cpus = try prepared.cpus(withoutLocalAPIC: entry.mayLackLocalAPIC)
        try cpus[0].enter(entry.state)
        self.init(frame, prepared, board, cpus, silenceHint: configuration.silenceHint)
    }

    /// Makes the machine of its parts. Nothing can fail any more.
    init(
        _ frame: Frame, _ prepared: PreparedVM, _ board: Board, _ cpus: [VCPUThread], silenceHint: String
    ) {
        (kvm, memory, loop, control) = (frame.kvm, frame.memory, frame.loop, frame.control)
        (vm, order) = (prepared.vm, prepared.order)
        (self.board, self.cpus, self.silenceHint) = (board, cpus, silenceHint)
        (session, timings, logger) = (frame.session, frame.timings, frame.logger)
    }

    /// The parts of a machine that are made first, whatever its guest begins with.
    struct Frame {
        let kvm: KVMSystem
        let loop: EventLoop
        let control: MachineControl
        let memory: GuestMemory
        let session: (any AgentSession)?
        let timings: Timings
        let logger: Logger

        init(
            _ configuration: MachineConfiguration, from start: MachineStart, session: (any AgentSession)?,
            timings: Timings, logger: Logger, allowsEmulation: Bool
        ) throws(Failure) {
            try Machine.check(configuration, with: session)
            kvm = try Machine.openKVM(start, allowsEmulation: allowsEmulation)
            loop = try EventLoop()
            control = MachineControl(loop: loop)
            memory = try GuestMemory(byteCount: configuration.memoryByteCount)
            (self.session, self.timings, self.logger) = (session, timings, logger)
        }
    }

    private static func check(
        _ configuration: MachineConfiguration, with session: (any AgentSession)?
    ) throws(Failure) {
        try configuration.validate()
        precondition(
            session == nil || configuration.keepsConsole || configuration.console == .none,
            "a session has the streams for itself")
    }

    private static func openKVM(
        _ start: MachineStart, allowsEmulation: Bool
    ) throws(Failure) -> KVMSystem {
        let kvm = try start.kvm()
        if !allowsEmulation { try kvm.requireHardwareVirtualization() }
        return kvm
    }

    private static func loadKernel(
        of configuration: MachineConfiguration, into memory: GuestMemory
    ) throws(Failure) -> PlacedKernel {
        try LinuxLoader.place(
            kernel: configuration.kernel, initramfs: configuration.initramfs,
            policy: LoadPolicy(allowsAnyKernel: configuration.allowsAnyKernel), into: memory)
    }

    /// Chooses the console by the drivers that the kernel has built in.
    private static func chooseConsole(
        of configuration: MachineConfiguration, for kernel: borrowing PlacedKernel
    ) throws(Failure) -> MachineConfiguration {
        var configuration = configuration
        try configuration.settleConsole(for: kernel.traits) { (driver) throws(Failure) in
            try kernel.has(driver)
        }
        return configuration
    }

    /// Completes the kernel's boot data, and warns the user if the command line names only consoles that the
    /// machine lacks.
    private static func describe(
        _ board: Board, to kernel: borrowing PlacedKernel, _ configuration: MachineConfiguration,
        of vm: VirtualMachine, _ logger: Logger
    ) throws(Failure) -> BootEntry {
        let description = board.description(cpuCount: configuration.cpuCount)
        let commandLine = configuration.kernelCommandLine(
            on: description, for: kernel.traits, timeStampFrequency: { vm.timeStampFrequency })
        if let hint = configuration.missingConsoleHint(for: commandLine) { logger.warning("\(hint)") }
        let entry = try kernel.finish(commandLine: commandLine, description: description)
        logger.debug("the kernel starts at \(GuestAddress(entry.state.instructionPointer)) (\(entry.form))")
        return entry
    }

    /// The advice to the user if the guest ends without output on its console. Nil if it has printed, or has
    /// no console.
    public var hintAfterSilence: String? {
        guard let console = board.console, !console.sink.hasBegun else { return nil }
        return silenceHint
    }

    /// The last 16 KiB of the guest's output, on a console that is kept.
    public var consoleTail: [UInt8] { board.consoleTail?.bytes ?? [] }

    /// The failure to write the guest's console output, after `run`. Nil if all of it was written, or if its
    /// reader has gone.
    public var outputFailure: Failure? { board.console?.outputFailure }

    /// Runs the machine until it ends: the event loop on the calling thread, each vCPU on its own thread.
    /// Call it at most once.
    ///
    /// Set `endsProcess` if the process ends after this. An end that a disk or a reader delays is then cut
    /// short (`ThisProcess.limitEnd`).
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
            try startCPUs()
            try loop.run()
            signals?.stop()
        } catch {
            control.finish(.failed(error))
        }
        if endsProcess { ThisProcess.limitEnd(with: session?.exitStatus ?? control.reason?.exitStatus ?? 0) }
        defer { if endsProcess { ThisProcess.endIsDue() } }
        return finish()
    }

    /// Ends the process with `status`, and the machine with it, after `run`. The guest's memory goes with the
    /// process, because freeing it before costs more.
    ///
    /// The kernel closes the VM after the exit, so that nobody waits for its grace periods. If another VM
    /// on this host is already being closed that way, this VM is closed during the exit: many exits share a
    /// grace period, but VMs closed one after the other wait for one each.
    public func exitProcess(status: Int32) -> Never {
        withExtendedLifetime(self) {
            vm.closeAfterProcess(of: kvm)
            ThisProcess.end(with: status)
        }
    }

    /// Starts the vCPUs' threads. In a pause they wait for its end; `resume` relies on each waiting already.
    private func startCPUs() throws(Failure) {
        try pauses.withLock { (count) throws(Failure) in
            for cpu in cpus {
                try cpu.start(
                    VCPULoop(
                        cpu: cpu.index, ports: board.ports, windows: board.windows, memory: memory,
                        files: board.persistentMemory?.files, control: control, counters: counters))
            }
            if count > 0 { control.waitUntilStopped() }
        }
    }

    private func startSession() throws(Failure) {
        guard let session, let port = board.agentPort else { return }
        try session.start(
            AgentLink(loop: loop, port: port, control: control, powerButton: board.powerButton))
    }

    /// Stops the CPUs, then the devices, then the console, so that nothing that the guest asked
    /// for is lost.
    private func finish() -> MachineEnd {
        board.console?.sink.stopWaiting()
        for cpu in cpus { cpu.interrupt() }
        endPauses()
        for cpu in cpus { cpu.join() }
        board.notes.end()
        board.stop()
        session?.end()
        board.console?.end()
        if let first = board.console?.sink.firstByteTime { timings.note(.firstConsoleByte, at: first) }
        timings.note(.end)
        let (counts, reports) = (counters.values, board.deviceReports)
        timings.note(counts, reports)
        let warnings = counts.warnings + reports.compactMap(\.warning)
        for warning in warnings { logger.warning("\(warning)") }
        return control.reason
            ?? .failed(Failure(.software, "the machine ended", because: "no part of it gave a reason"))
    }
}

/// Pauses. docs/life-cycle.md says what holds in a pause.
extension Machine {
    /// Stops the guest between two instructions of each vCPU, drains its devices, and flushes its output.
    /// Returns false if the machine has ended, before or meanwhile: it is then on its way to the end and
    /// cannot be resumed.
    ///
    /// Pauses nest: the guest goes on after as many calls of `resume`. Any thread may call it except those of
    /// vCPUs. The event loop goes on, so a caller that reads the guest's state is a handler of the loop.
    ///
    /// Waits for every vCPU to finish its exit, which a slow reader of the console may delay, and for the
    /// requests that disks carry out.
    public func pause() -> Bool {
        pauses.withLock { count in
            guard !control.isEnded else { return false }
            count += 1
            if count == 1 {
                control.close()
                for cpu in cpus { cpu.interrupt() }
                control.waitUntilStopped()
                board.pause()
            }
            return !control.isEnded
        }
    }

    /// Undoes one `pause` that returned true. Does nothing if the machine has ended since.
    public func resume() {
        pauses.withLock { count in
            precondition(count > 0, "a machine that is not paused cannot be resumed")
            count -= 1
            guard count == 0 else { return }
            board.resume()
            for cpu in cpus { cpu.withdrawInterrupt() }
            guard control.open() else {
                count += 1
                return
            }
            for cpu in cpus { cpu.proceed(control) }
        }
    }

    /// Lets the threads of paused vCPUs find out that the machine has ended.
    private func endPauses() {
        pauses.withLock { count in
            if count > 0 { for cpu in cpus { cpu.proceed(control) } }
        }
    }
}
