import Devices
import Glibc
import GuestMemory
public import Host
import KVM
public import Logging
import Synchronization
import SystemPackage

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
        try Self.check(memory.rawValue, has: .memory, of: state)
        self.state = state
        self.memory = memory
    }

    /// Throws unless the file has all that the state expects of it.
    private static func check(
        _ file: Int32, has source: MemoryExtent.Source, of state: MachineState
    ) throws(Failure) {
        let byteCount = FileStatus(of: file)?.byteCount ?? 0
        for extent in state.memory where extent.source == source {
            guard extent.lies(inFileOf: byteCount) else {
                throw unusable("the file of its \(source) is too short")
            }
        }
    }

    /// Maps the content of memory over the RAM of a machine that has not run, and gives the process its own
    /// copy of the pages that a guest is known to write first. `kernel` is the file that the guest booted.
    func map(into target: GuestMemory, kernel path: String) throws(Failure) {
        let kernel = try openKernel(path)
        for extent in state.memory {
            guard let range = extent.range, target.contains(range), let source = extent.source else {
                throw Self.unusable("its memory does not fit into that of the machine")
            }
            let file = source == .memory ? memory.rawValue : kernel.rawValue
            try target.map(file, fileOffset: extent.fileOffset, over: range)
        }
        target.excludeFromCoreDumps()
        for pages in state.working { target.populate(pages.range) }
    }

    private func openKernel(_ path: String) throws(Failure) -> OwnedDescriptor {
        let kernel: OwnedDescriptor
        do throws(Errno) { kernel = try OwnedDescriptor(opening: path, for: .reading) } catch {
            throw Failure("cannot open the kernel \(path)", errno: error)
        }
        try Self.check(kernel.rawValue, has: .kernel, of: state)
        return kernel
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

    /// Extents that are closer together than this become one: a mapping costs as much as to copy some pages.
    /// The gap is a hole of the file.
    private static let gapByteCount: UInt64 = 1 << 20

    /// Saves the machine, which must be paused: writes the content of its memory to the file `memory`, which
    /// is empty, and returns its state, the bytes of another file.
    ///
    /// Pages that are still those of the file `kernel`, which the guest booted, are not written: the machine
    /// is restored with the same kernel.
    public func save(memory file: borrowing OwnedDescriptor, kernel: String) throws(Failure) -> [UInt8] {
        var state = try state()
        for content in try memory.content(besides: FileIdentity(of: kernel)) {
            if let fileOffset = content.fileOffset {
                state.memory.append(MemoryExtent(content.range, from: .kernel, at: fileOffset))
                continue
            }
            // Each page has the place in the file that it has in RAM.
            let fileOffset = memory.offset(of: content.range.start)
            try memory.write(content.range, to: file.rawValue, fileOffset: fileOffset)
            state.add(MemoryExtent(content.range, from: .memory, at: fileOffset), across: Self.gapByteCount)
        }
        return state.fileBytes
    }

    /// Reads the state of the machine, which must be paused, without its memory.
    private func state() throws(Failure) -> MachineState {
        let format = try kvm.vcpuStateFormat()
        var states: [VCPUState] = []
        for cpu in cpus { states.append(try cpu.state(format)) }
        let clock = GuestClock(vm: vm, cpu: cpus[0], frequency: states[0].timeStampFrequency)
        return MachineState(
            clockNanoseconds: try clock.nanoseconds(at: states[0].timeStamp), features: order.featureEntries,
            format: format, cpus: states,
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
        try saved.map(into: frame.memory, kernel: configuration.kernel)
        let prepared = try start.prepare(
            frame.memory, cpuCount: configuration.cpuCount, features: CPUIDTable(state.features))
        timings.note(.memoryReady)
        let board = try BoardBuilder(configuration, frame, savedSerial: state.serial).build(for: prepared.vm)
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
        let clock = GuestClock(vm: vm, cpu: cpus[0], frequency: state.cpus[0].timeStampFrequency)
        try clock.set(nanoseconds: state.clockNanoseconds, at: state.cpus[0].timeStamp)
        try board.restore(state.devices)
        resume()
    }
}

extension MachineState {
    /// Adds an extent of the memory's file, or lengthens the last one across a gap of fewer than
    /// `gapByteCount` bytes.
    fileprivate mutating func add(_ extent: MemoryExtent, across gapByteCount: UInt64) {
        guard let last = memory.last, last.source == .memory,
            extent.address &- last.address == extent.fileOffset &- last.fileOffset,
            extent.address &- (last.address &+ last.byteCount) < gapByteCount
        else { return memory.append(extent) }
        memory[memory.count - 1].byteCount = extent.address &- last.address &+ extent.byteCount
    }
}
