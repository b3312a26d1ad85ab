public import Host
import Synchronization
public import Virtio

/// A console device with a single port that is not a console: a two-way stream of bytes between a program of
/// the guest, at /dev/vport0p0, and the monitor (Virtio 1.2, 5.3 with VIRTIO_CONSOLE_F_MULTIPORT).
///
/// The only port has number 0, so that the device needs no more than four queues. Linux makes port 0 a
/// console only if the device sends it CONSOLE_PORT.
///
/// The event loop's thread transfers data, and so the doorbells of the data queues are ioeventfds: Linux does
/// not wait for the data that it sends to such a port. Linux does wait for control messages, spinning, so the
/// vCPU's thread answers them.
public final class VirtioSerialPort: VirtioDevice {
    static let receiveQueue = 0
    static let transmitQueue = 1
    static let controlReceiveQueue = 2
    static let controlTransmitQueue = 3
    /// The number of the only port.
    static let port: UInt32 = 0
    /// The largest number of bytes that may wait for the guest.
    public static let pendingLimit = 8 << 20

    public struct State: VirtioDeviceState {
        /// The bytes that wait for the guest.
        public var pending: [UInt8]
        /// The queues of a device that serves them, or nil.
        public var queues: PortQueuesState?

        public init(pending: [UInt8], queues: PortQueuesState?) {
            self.pending = pending
            self.queues = queues
        }

        /// A port has the number of a console, and another state.
        public static var tag: VirtioStateTag { VirtioStateTag(.console, form: 1) }

        public func write(to writer: inout ByteWriter) {
            writer.bytes(pending)
            writer.optional(queues)
        }

        public init?(from reader: inout ByteReader) {
            guard let pending = reader.bytes(atMost: VirtioSerialPort.pendingLimit),
                let queues = reader.optional(PortQueuesState.init(from:))
            else { return nil }
            self.init(pending: pending, queues: queues)
        }
    }

    fileprivate struct Guarded: ~Copyable, Sendable {
        var shell = DeviceShell<PortQueues>()
        var pending = ByteQueue()

        /// Whether a program of the guest has the port open.
        var isOpen: Bool { shell.isOpen }
    }

    private let name: [UInt8]
    private let loop: EventLoop
    private let received: @Sendable (_ bytes: [UInt8]) -> Void
    private let opened: @Sendable (_ isOpen: Bool) -> Void
    private let guarded = Mutex(Guarded())

    /// Makes a port with the name `name` in the guest (/sys/class/virtio-ports/vport0p0/name), or without one
    /// if it is empty.
    ///
    /// `received` is called on the loop's thread with the bytes that the guest sent, in order, at most 64 KiB
    /// at a time. `opened` is called on any thread when a program of the guest has opened or closed the port.
    public init(
        name: String, loop: EventLoop, received: @escaping @Sendable (_ bytes: [UInt8]) -> Void,
        opened: @escaping @Sendable (_ isOpen: Bool) -> Void = { _ in }
    ) {
        self.name = Array(name.utf8)
        self.loop = loop
        self.received = received
        self.opened = opened
    }

    public var counters: VirtioCounters { guarded.withLock { $0.shell.counters } }

    /// Sends `bytes` to the guest, from any thread. Bytes wait here until a program has opened the port and
    /// the guest has room. Returns false, and sends nothing, if more than `pendingLimit` bytes would wait.
    ///
    /// Waiting bytes are dropped when the program closes the port and when the driver resets the device.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        guarded.withLock { state in
            guard bytes.count <= Self.pendingLimit - state.pending.count else { return false }
            guard state.pending.isEmpty else {
                state.pending.append(bytes[...])
                return true
            }
            let given = state.shell.give(bytes[...])
            state.pending.append(bytes[given...])
            return true
        }
    }

    // MARK: VirtioDevice

    public let type = VirtioDeviceType.console
    /// VIRTIO_CONSOLE_F_MULTIPORT (5.3.3).
    public let features = VirtioFeatures(bit: 1)
    /// The queue sizes. The receive queues are short, because Linux fills them with pages from the start.
    /// Linux sends up to 32 KiB in a chain.
    public let queueSizes: [UInt16] = [16, 64, 8, 8]
    public func isNotifiedDirectly(_ queue: Int) -> Bool { queue == Self.controlTransmitQueue }

    /// struct virtio_console_config (5.3.4): le16 cols, le16 rows, le32 max_nr_ports, le32 emerg_wr.
    public let configuration: [UInt8] = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]

    public func activate(_ activation: VirtioActivation) throws(VirtqueueError) {
        try begin(PortQueues.make(activation), activation)
    }

    public func reset() {
        let (doorbells, wasOpen) = guarded.withLock { state in
            let wasOpen = state.isOpen
            let doorbells = state.shell.reset()
            if !doorbells.isEmpty { state.pending.removeAll() }
            return (doorbells, wasOpen)
        }
        for doorbell in doorbells { loop.unwatch(doorbell.descriptor) }
        if wasOpen { opened(false) }
    }

    public func notified(_ queue: Int) {
        if queue == Self.controlTransmitQueue { serveControl() }
    }

    private func begin(
        _ queues: consuming PortQueues, _ activation: VirtioActivation, isPaused: Bool = false
    ) throws(VirtqueueError) {
        var queues: PortQueues? = queues
        guarded.withLock { $0.shell.activate(&queues, activation, isPaused: isPaused) }
        try watchOrReset { () throws(Failure) in try watch(activation.doorbells) }
    }

    private func watch(_ doorbells: [EventFD]) throws(Failure) {
        try loop.watchNotifications(of: doorbells[Self.receiveQueue]) { [weak self] in self?.givePending() }
        try loop.watchNotifications(of: doorbells[Self.transmitQueue]) { [weak self] in self?.take() }
        try loop.watchNotifications(of: doorbells[Self.controlReceiveQueue]) { [weak self] in
            self?.sendMessages()
        }
        try loop.watchNotifications(of: doorbells[Self.controlTransmitQueue]) { [weak self] in
            self?.serveControl()
        }
    }
}

/// Pause, save and restore.
extension VirtioSerialPort {
    /// Pauses the device. Call it on the event loop's thread, on which `received` is called: so all bytes
    /// that were taken from the guest have been handed over.
    public func pause() {
        guarded.withLock { $0.shell.pause() }
    }

    public func resume() {
        let doorbells = guarded.withLock { state in state.shell.resume() ? state.shell.doorbells : [] }
        for doorbell in doorbells { doorbell.signal() }
    }

    public var state: State {
        guarded.withLock { state in
            State(pending: Array(state.pending.waiting), queues: state.shell.saved { $0.state })
        }
    }

    public func restore(_ saved: State, _ activation: VirtioActivation?) throws(SavedStateError) {
        guard saved.pending.count <= Self.pendingLimit else {
            throw .unfit("more bytes wait for the guest than a port keeps")
        }
        let queues = try restoredQueues(saved.queues, activation) {
            activation, queues throws(VirtqueueError) in
            try PortQueues(activation, queues)
        }
        if let queues, let activation {
            do throws(VirtqueueError) {
                try begin(queues, activation, isPaused: true)
            } catch { throw .badQueue(error) }
        }
        let isOpen = guarded.withLock { state in
            state.pending.removeAll()
            state.pending.append(saved.pending)
            return state.isOpen
        }
        if isOpen { opened(true) }
    }
}

/// The handlers of notifications. They run on the event loop's thread or, for a control message, on the
/// vCPU's thread.
extension VirtioSerialPort {
    /// Takes the bytes that the driver sent, after it has notified the device. Only the loop's thread calls
    /// this, so pieces keep their order although each is handed over without the lock.
    private func take() {
        while let bytes = takePiece() { received(bytes) }
    }

    private func takePiece() -> [UInt8]? {
        guarded.withLock { state in
            var bytes: [UInt8]?
            state.shell.serve { queues, counters throws(VirtqueueError) in
                bytes = try queues.take(&counters)
            }
            return bytes
        }
    }

    /// Passes on waiting bytes after the driver has made room.
    private func givePending() {
        guarded.withLock { $0.givePending() }
    }

    private func sendMessages() {
        guarded.withLock { state in
            state.shell.serve { queues, counters throws(VirtqueueError) in
                try queues.sendMessages(name: name, &counters)
            }
        }
    }

    private func serveControl() {
        let isOpen: Bool? = guarded.withLock { state in
            let wasOpen = state.isOpen
            state.shell.serve { queues, counters throws(VirtqueueError) in
                try queues.serveControl(name: name, &counters)
            }
            guard state.isOpen != wasOpen else { return nil }
            if wasOpen { state.pending.removeAll() } else { state.givePending() }
            return !wasOpen
        }
        if let isOpen { opened(isOpen) }
    }
}

extension VirtioSerialPort.Guarded {
    fileprivate mutating func givePending() {
        guard !pending.isEmpty else { return }
        pending.removeFirst(shell.give(pending.waiting))
    }
}

extension DeviceShell<PortQueues> {
    fileprivate var isOpen: Bool {
        switch queues {
        case .some(let queues): queues.isOpen
        case nil: false
        }
    }

    /// Passes as much of `bytes` to the guest as it has room for; returns the number of bytes.
    fileprivate mutating func give(_ bytes: ArraySlice<UInt8>) -> Int {
        var given = 0
        serve { queues, counters throws(VirtqueueError) in given = try queues.give(bytes, &counters) }
        return given
    }
}
