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

    /// The device as the driver has set it up.
    struct State: ~Copyable, Sendable {
        var active: ConsoleQueues?
        var counters = VirtioCounters()
    }

    /// The fields cols and rows of struct virtio_console_config (5.3.4).
    struct Size: Hashable, Sendable {
        var columns: UInt16
        var rows: UInt16
        var generation: UInt32 = 0
    }

    let output: ConsoleOutput
    let loop: EventLoop
    let state = Mutex(State())
    let room = RoomBell()
    private let size: Mutex<Size>
    /// Expires when a chain is held and the reader may have stopped for good.
    let patience: TimerFD
    /// Expires when the input gate has waited long enough.
    let silence: TimerFD
    private let inputSilence: Int
    let printed = Atomic<Bool>(false)

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
        patience = try TimerFD()
        silence = try TimerFD()
        self.inputSilence = inputSilence ?? InputGate.usualSilence
    }

    /// Whether the guest has printed something here.
    public var hasPrinted: Bool { printed.load(ordering: .relaxed) }

    public var counters: VirtioCounters { state.withLock { $0.counters } }

    /// Sets the terminal's size, and interrupts the driver for the configuration change if the size differs.
    public func resize(columns: UInt16, rows: UInt16) {
        let changed = size.withLock { size in
            guard size.columns != columns || size.rows != rows else { return false }
            size = Size(columns: columns, rows: rows, generation: size.generation &+ 1)
            return true
        }
        if changed { state.withLock { $0.active?.interrupt.configurationChanged() } }
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
        let active = try ConsoleQueues(activation, gate: InputGate(silence: inputSilence))
        install(active)
        do throws(Failure) {
            try watch(activation.doorbells)
        } catch {
            reset()
            throw .badRequest("the host cannot watch the doorbells")
        }
        room.ring()
    }

    public func reset() {
        let bells = state.withLock { state in
            let bells = state.active?.doorbells ?? []
            state.active = nil
            return bells
        }
        for bell in bells { loop.unwatch(bell.descriptor) }
        guard !bells.isEmpty else { return }
        loop.unwatch(output.space.descriptor)
        loop.unwatch(patience.descriptor)
        loop.unwatch(silence.descriptor)
    }

    private func install(_ active: consuming ConsoleQueues) {
        var new: ConsoleQueues? = active
        state.withLock { $0.active = new.take() }
    }

    private func watch(_ doorbells: [EventFD]) throws(Failure) {
        try loop.watchRinging(of: doorbells[Self.receiveQueue]) { [weak self] in self?.serveReceiveBell() }
        try loop.watchRinging(of: doorbells[Self.transmitQueue]) { [weak self] in self?.transmit() }
        try loop.watchRinging(of: output.space) { [weak self] in self?.transmit() }
        try loop.watch(patience.descriptor) { [weak self] in self?.servePatience() }
        try loop.watch(silence.descriptor) { [weak self] in self?.serveSilence() }
    }
}
