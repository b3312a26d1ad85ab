public import Host
import Synchronization
public import Virtio

/// The virtio console (Virtio 1.2, 5.3), /dev/hvc0 of a Linux guest: one port, with the terminal's size and
/// live resize.
///
/// A vCPU's thread serves notifications. The event loop's thread serves the user's input and waits for slow
/// readers. Both hold the device's lock, under which they take only the lock of the console's output.
public final class VirtioConsole: VirtioDevice, ConsoleReceiver {
    static let receiveQueue = 0
    static let transmitQueue = 1

    /// The terminal's size in characters: the fields cols and rows of struct virtio_console_config (5.3.4).
    public struct Size: Hashable, Sendable {
        public var columns: UInt16
        public var rows: UInt16
        /// The number of changes of the size.
        public var generation: UInt32

        public init(columns: UInt16, rows: UInt16, generation: UInt32 = 0) {
            self.columns = columns
            self.rows = rows
            self.generation = generation
        }

        fileprivate init?(from reader: inout ByteReader) {
            guard let columns = reader.u16(), let rows = reader.u16(), let generation = reader.u32() else {
                return nil
            }
            self.init(columns: columns, rows: rows, generation: generation)
        }
    }

    public struct State: VirtioDeviceState {
        /// The size that the driver may have read. A restored console has it until `resize`.
        public var size: Size
        public var hasPrinted: Bool
        /// The queues of a device that serves them, or nil.
        public var queues: ConsoleQueuesState?

        public init(size: Size, hasPrinted: Bool, queues: ConsoleQueuesState?) {
            self.size = size
            self.hasPrinted = hasPrinted
            self.queues = queues
        }

        public static var tag: VirtioStateTag { VirtioStateTag(.console) }

        public func write(to writer: inout ByteWriter) {
            writer.u16(size.columns)
            writer.u16(size.rows)
            writer.u32(size.generation)
            writer.flag(hasPrinted)
            writer.optional(queues)
        }

        public init?(from reader: inout ByteReader) {
            guard let size = Size(from: &reader), let hasPrinted = reader.flag(),
                let queues = reader.optional(ConsoleQueuesState.init(from:))
            else { return nil }
            self.init(size: size, hasPrinted: hasPrinted, queues: queues)
        }
    }

    private let output: ConsoleOutput
    private let loop: EventLoop
    private let shell = Mutex(DeviceShell<ConsoleQueues>())
    private let room = RoomHandler()
    private let size: Mutex<Size>
    /// Expires when a chain is held and the reader may have stopped for good.
    private let stallTimer: TimerFD
    /// Expires when the input gate has waited long enough.
    private let gateTimer: TimerFD
    private let inputSilence: Int
    private let printed = Atomic<Bool>(false)
    /// The generation of the size when the device was paused.
    private let pausedGeneration = Atomic<UInt32>(0)

    /// Makes a console of that size in characters; 0 by 0 is a console without a size. Output goes to
    /// `output`, and input comes through `receive`.
    ///
    /// Input is held back until the driver has been silent for `inputSilence` milliseconds after it started
    /// (see `InputGate`).
    public init(
        output: ConsoleOutput, loop: EventLoop, columns: UInt16, rows: UInt16, inputSilence: Int? = nil
    ) throws(Failure) {
        self.output = output
        self.loop = loop
        size = Mutex(Size(columns: columns, rows: rows))
        stallTimer = try TimerFD()
        gateTimer = try TimerFD()
        self.inputSilence = inputSilence ?? InputGate.usualSilence
    }

    /// Whether the guest has printed something here.
    public var hasPrinted: Bool { printed.load(ordering: .relaxed) }

    public var counters: VirtioCounters { shell.withLock { $0.counters } }

    /// Sets the terminal's size, and interrupts the driver for the configuration change if the size differs.
    public func resize(columns: UInt16, rows: UInt16) {
        let changed = size.withLock { size in
            guard size.columns != columns || size.rows != rows else { return false }
            size = Size(columns: columns, rows: rows, generation: size.generation &+ 1)
            return true
        }
        if changed { shell.withLock { $0.interrupt?.configurationChanged() } }
    }

    // MARK: VirtioDevice

    public let type = VirtioDeviceType.console
    /// VIRTIO_CONSOLE_F_SIZE (5.3.3). Further ports would need VIRTIO_CONSOLE_F_MULTIPORT, bit 1, two more
    /// queues for control, and two for each port.
    public let features = VirtioFeatures(bit: 0)
    public let queueSizes: [UInt16] = [64, 64]
    /// Returns true for both queues. Linux spins with its interrupts off until a chain of output is used, and
    /// another thread would make that longer.
    public func isNotifiedDirectly(_ queue: Int) -> Bool { true }

    /// struct virtio_console_config (5.3.4): le16 cols, le16 rows, le32 max_nr_ports, le32 emerg_wr. A read
    /// informs the input gate.
    public var configuration: [UInt8] {
        noteConfigurationRead()
        let size = size.withLock { $0 }
        var bytes = [UInt8](repeating: 0, count: 12)
        bytes[0] = UInt8(truncatingIfNeeded: size.columns)
        bytes[1] = UInt8(truncatingIfNeeded: size.columns >> 8)
        bytes[2] = UInt8(truncatingIfNeeded: size.rows)
        bytes[3] = UInt8(truncatingIfNeeded: size.rows >> 8)
        bytes[4] = 1
        return bytes
    }

    public var configurationGeneration: UInt32 { size.withLock { $0.generation } }

    public func activate(_ activation: VirtioActivation) throws(VirtqueueError) {
        try begin(ConsoleQueues(activation, gate: InputGate(silence: inputSilence)), activation)
        room.call()
    }

    public func reset() {
        let doorbells = shell.withLock { $0.reset() }
        guard !doorbells.isEmpty else { return }
        for doorbell in doorbells { loop.unwatch(doorbell.descriptor) }
        loop.unwatch(output.space.descriptor)
        loop.unwatch(stallTimer.descriptor)
        loop.unwatch(gateTimer.descriptor)
    }

    public func notified(_ queue: Int) {
        switch queue {
        case Self.receiveQueue: serveReceive()
        case Self.transmitQueue: transmit()
        default: break
        }
    }

    private func begin(
        _ queues: consuming ConsoleQueues, _ activation: VirtioActivation, isPaused: Bool = false
    ) throws(VirtqueueError) {
        var queues: ConsoleQueues? = queues
        shell.withLock { $0.activate(&queues, activation, isPaused: isPaused) }
        try watchOrReset { () throws(Failure) in try watch(activation.doorbells) }
    }

    private func watch(_ doorbells: [EventFD]) throws(Failure) {
        try loop.watchNotifications(of: doorbells[Self.receiveQueue]) { [weak self] in self?.serveReceive() }
        try loop.watchNotifications(of: doorbells[Self.transmitQueue]) { [weak self] in self?.transmit() }
        try loop.watchNotifications(of: output.space) { [weak self] in self?.transmit() }
        try loop.watch(stallTimer.descriptor) { [weak self] in self?.serveStall() }
        try loop.watch(gateTimer.descriptor) { [weak self] in self?.serveGate() }
    }
}

/// Pause, save and restore.
extension VirtioConsole {
    public func pause() {
        // In this order, a change of the size meanwhile is announced twice rather than not at all.
        pausedGeneration.store(configurationGeneration, ordering: .relaxed)
        shell.withLock { $0.pause() }
    }

    public func resume() {
        guard shell.withLock({ $0.resume() }) else { return }
        if configurationGeneration != pausedGeneration.load(ordering: .relaxed) {
            shell.withLock { $0.interrupt?.configurationChanged() }
        }
        advanceGate { $0.resume(now: .now()) }
        transmit()
        room.call()
    }

    public var state: State {
        State(
            size: size.withLock { $0 }, hasPrinted: hasPrinted,
            queues: shell.withLock { $0.saved { $0.state } })
    }

    public func restore(_ saved: State, _ activation: VirtioActivation?) throws(SavedStateError) {
        let queues = try restoredQueues(saved.queues, activation) {
            activation, queues throws(VirtqueueError) in
            let gate = InputGate(silence: inputSilence, queues.gate)
            return try ConsoleQueues(activation, gate: gate, queues)
        }
        if let queues, let activation {
            do throws(VirtqueueError) {
                try begin(queues, activation, isPaused: true)
            } catch { throw .badQueue(error) }
        }
        size.withLock { $0 = saved.size }
        printed.store(saved.hasPrinted, ordering: .relaxed)
        pausedGeneration.store(saved.size.generation, ordering: .relaxed)
    }
}

/// The output of the guest.
extension VirtioConsole {
    /// Transmits when the driver has notified the device, or when the output has room again.
    private func transmit() {
        var isHolding = false
        shell.withLock { shell in
            shell.serve { queues, counters throws(VirtqueueError) in
                try queues.transmit(to: output, &counters)
                isHolding = queues.isHolding
                if counters.byteCountFromGuest > 0 { printed.store(true, ordering: .relaxed) }
            }
        }
        if isHolding { stallTimer.arm(milliseconds: Int(output.timeoutMilliseconds)) }
    }

    /// Checks the reader when a chain has been held for the time in which a reader must make progress.
    private func serveStall() {
        stallTimer.drain()
        guard shell.withLock({ $0.queues?.isHolding == true }) else { return }
        _ = output.hasStalled()
        transmit()
    }
}

/// The user's input.
extension VirtioConsole {
    public func receive(_ bytes: ArraySlice<UInt8>) -> Int {
        var accepted = 0
        shell.withLock { shell in
            shell.serve { queues, counters throws(VirtqueueError) in
                accepted = try queues.receive(bytes, &counters)
            }
        }
        return accepted
    }

    public func whenRoomAppears(_ handler: @escaping @Sendable () -> Void) {
        room.connect(handler)
    }

    /// Handles a notification of the receive queue: there may be room for input.
    private func serveReceive() {
        advanceGate { $0.noteBuffers(now: .now()) }
        room.call()
    }

    /// Handles the end of the input gate's wait.
    private func serveGate() {
        gateTimer.drain()
        advanceGate { $0.noteSilence(now: .now()) }
    }

    /// Notes that the driver reads its configuration, on a vCPU's thread.
    private func noteConfigurationRead() {
        if shell.withLock({ $0.queues?.gate.noteRead() == true }) { room.call() }
    }

    private func advanceGate(_ note: (inout InputGate) -> InputGate.Step) {
        let step = shell.withLock { shell in
            guard shell.isRunning else { return InputGate.Step.nothing }
            return note(&shell.queues!.gate)
        }
        switch step {
        case .nothing: break
        case .wait(let milliseconds): gateTimer.arm(milliseconds: milliseconds)
        case .ask:
            gateTimer.arm(milliseconds: InputGate.longestQuestion)
            shell.withLock { $0.interrupt?.configurationChanged() }
        case .open: room.call()
        }
    }
}
