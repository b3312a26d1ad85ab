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

    /// The fields cols and rows of struct virtio_console_config (5.3.4).
    private struct Size: Hashable, Sendable {
        var columns: UInt16
        var rows: UInt16
        var generation: UInt32 = 0
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
        var queues: ConsoleQueues? = try ConsoleQueues(activation, gate: InputGate(silence: inputSilence))
        shell.withLock { $0.activate(queues.take()!, activation) }
        try watchOrReset { () throws(Failure) in try watch(activation.doorbells) }
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

    private func watch(_ doorbells: [EventFD]) throws(Failure) {
        try loop.watchRinging(of: doorbells[Self.receiveQueue]) { [weak self] in self?.serveReceive() }
        try loop.watchRinging(of: doorbells[Self.transmitQueue]) { [weak self] in self?.transmit() }
        try loop.watchRinging(of: output.space) { [weak self] in self?.transmit() }
        try loop.watch(stallTimer.descriptor) { [weak self] in self?.serveStall() }
        try loop.watch(gateTimer.descriptor) { [weak self] in self?.serveGate() }
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
        if isHolding { stallTimer.arm(milliseconds: Int(output.patience)) }
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
            guard shell.isActive else { return InputGate.Step.nothing }
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
