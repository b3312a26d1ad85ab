import Devices
import Glibc
import GuestMemory
public import Host
import KVM
public import Logging
import Synchronization

/// A machine that was saved: its state, and the file with its memory.
///
/// Each machine that is made of it maps the file privately: it shares the pages that it only reads with the
/// host's page cache, and has a copy of its own of each that it writes. So the file must not change for as
/// long as one of them runs. Nothing here trusts the state or the file.
public struct SavedMachine: ~Copyable, Sendable {
    let state: MachineState
    private let memory: OwnedDescriptor

    /// Reads a state, as `Machine.save` has made it.
    ///
    /// Throws if the bytes are damaged, or if they name parts of guest memory that `memory` does not have.
    public init(state bytes: [UInt8], memory: consuming OwnedDescriptor) throws(Failure) {
        guard let state = MachineState(fileBytes: bytes) else { throw Self.unusable("its state is damaged") }
        guard let byteCount = FileStatus(of: memory.rawValue)?.byteCount,
            state.memory.allSatisfy({ $0.lies(inFileOf: byteCount) })
        else { throw Self.unusable("the file of its memory is too short") }
        self.state = state
        self.memory = memory
    }

    /// Maps the file over the RAM of a machine that has not run, and gives the process its own copy of the
    /// pages that a guest is known to write first.
    func map(into target: GuestMemory) throws(Failure) {
        for extent in state.memory {
            guard let range = extent.range, target.contains(range) else {
                throw Self.unusable("its memory does not fit into that of the machine")
            }
            try target.map(memory.rawValue, fileOffset: extent.fileOffset, over: range)
        }
        target.excludeFromCoreDumps()
        for pages in state.working {
            target.populate(pages.range)
        }
    }

    /// Whether the state names the pages that a guest writes first.
    public var knowsWorkingPages: Bool { !state.working.isEmpty }

    /// The largest number of pages that are worth to be copied before a guest runs: 8 MiB.
    private static let workingPageLimit = 2048

    /// Returns the state with the pages that `machine` has written, which was restored from this one and has
    /// ended. Later machines get their copies of these pages in bulk, before they run.
    ///
    /// Returns nil if the machine wrote so many pages that these say little about the start of another.
    public func state(withWorkingPagesOf machine: Machine) throws(Failure) -> [UInt8]? {
        let ranges = try machine.memory.privateRanges().compactMap { PageRange($0) }
        let pageCount = ranges.reduce(0) { $0 + Int($1.pageCount) }
        guard pageCount <= Self.workingPageLimit, ranges.count <= MachineState.rangeLimit else { return nil }
        var state = state
        state.working = ranges
        return state.fileBytes
    }

    static func unusable(_ cause: String) -> Failure {
        Failure(.badInput, "cannot use the saved machine", because: cause)
    }
}

extension Machine {
    /// The number of attempts to find all vCPUs halted, a millisecond apart.
    private static let idleAttempts = 50

    /// Pauses the machine, at a moment when its guest has nothing to do: whoever goes on from there begins
    /// with no work that another began. If there is no such moment within 50 ms, pauses it anyway.
    ///
    /// Returns false if the machine has ended.
    public func pauseWhenIdle() -> Bool {
        for _ in 0..<Self.idleAttempts {
            guard pause() else { return false }
            if cpus.allSatisfy(\.isHalted) { return true }
            resume()
            usleep(1000)
        }
        return pause()
    }

    /// Extents that are closer together than this become one. A mapping costs as much as to copy some pages.
    private static let gapByteCount: UInt64 = 64 << 10

    /// Saves the machine, which must be paused: writes the content of its memory to the file `memory`, which
    /// is empty, and returns its state, the bytes of another file.
    public func save(memory file: borrowing OwnedDescriptor) throws(Failure) -> [UInt8] {
        var state = try state()
        var offset: UInt64 = 0
        for range in try memory.rangesWithContent(joinedAcross: Self.gapByteCount) {
            try memory.write(range, to: file.rawValue, fileOffset: offset)
            state.memory.append(
                MemoryExtent(
                    address: range.start.rawValue, byteCount: range.byteCount, fileOffset: offset))
            offset += range.byteCount
        }
        return state.fileBytes
    }

    /// Reads the state of the machine, which must be paused, without its memory.
    private func state() throws(Failure) -> MachineState {
        // kvm-clock comes first: it must not be earlier than what a guest has seen.
        let clock = try vm.clockNanoseconds()
        let format = try kvm.vcpuStateFormat()
        var states: [VCPUState] = []
        for cpu in cpus { states.append(try cpu.state(format)) }
        return MachineState(
            clockNanoseconds: clock, features: order.featureEntries, format: format, cpus: states,
            interruptControllers: try vm.interruptControllerState(),
            intervalTimer: try board.ports.timer.state(), serial: board.ports.serial?.state,
            devices: board.deviceStates, memory: [], working: [])
    }

    /// Builds a machine that goes on where `saved` was saved, with the same configuration, on the same host,
    /// under the same KVM.
    ///
    /// Throws as the other initializer does, and if the state cannot be one of this machine.
    public convenience init(
        restoring saved: borrowing SavedMachine, _ configuration: MachineConfiguration,
        from start: MachineStart, session: (any AgentSession)? = nil, timings: Timings, logger: Logger,
        allowsEmulation: Bool = false
    ) throws(Failure) {
        let frame = try Frame(
            configuration, from: start, session: session, timings: timings, logger: logger,
            allowsEmulation: allowsEmulation)
        let state = saved.state
        guard state.cpus.count == configuration.cpuCount else {
            throw SavedMachine.unusable("it has another number of CPUs")
        }
        // KVM creates the VM meanwhile.
        try saved.map(into: frame.memory)
        let prepared = try start.prepare(
            frame.memory, cpuCount: configuration.cpuCount, features: CPUIDTable(state.features))
        timings.note(.memoryReady)
        let board = try frame.boardBuilder(configuration, savedSerial: state.serial).build(for: prepared.vm)
        timings.note(.devicesReady)
        self.init(frame, prepared, board, try prepared.cpus(), silenceHint: configuration.silenceHint)
        try restore(state)
    }

    /// Restores everything but the memory and the serial port. Each step depends on those before it
    /// (docs/life-cycle.md).
    private func restore(_ state: MachineState) throws(Failure) {
        pauses.withLock { $0 += 1 }
        control.close()
        var shift: UInt64?
        for (cpu, saved) in zip(cpus, state.cpus) {
            shift = try cpu.restore(saved, state.format, timeShift: shift)
        }
        try vm.restore(state.interruptControllers)
        try board.ports.timer.restore(state.intervalTimer)
        try vm.setClock(nanoseconds: state.clockNanoseconds)
        try board.restore(state.devices)
        resume()
    }
}
