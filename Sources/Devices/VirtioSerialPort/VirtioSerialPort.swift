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

    struct State: ~Copyable, Sendable {
        var active: PortQueues?
        var pending = PendingBytes()
        var counters = VirtioCounters()
    }

    let name: [UInt8]
    let loop: EventLoop
    let received: @Sendable (_ bytes: [UInt8]) -> Void
    let opened: @Sendable (_ isOpen: Bool) -> Void
    let state = Mutex(State())

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

    public var counters: VirtioCounters { state.withLock { $0.counters } }

    /// Sends `bytes` to the guest, from any thread. Bytes wait here until a program has opened the port and
    /// the guest has room. Returns false, and sends nothing, if more than `pendingLimit` bytes would wait.
    ///
    /// Waiting bytes are dropped when the program closes the port and when the driver resets the device.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            guard bytes.count <= Self.pendingLimit - state.pending.count else { return false }
            guard state.pending.isEmpty else {
                state.pending.append(bytes[...])
                return true
            }
            let given = give(bytes[...], in: &state)
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
        var active: PortQueues? = try PortQueues(activation)
        state.withLock { $0.active = active.take() }
        do throws(Failure) {
            try watch(activation.doorbells)
        } catch {
            reset()
            throw .badRequest("the host cannot watch the doorbells")
        }
    }

    public func reset() {
        let (bells, wasOpen) = state.withLock { state in
            guard let bells = state.active?.doorbells else { return ([EventFD](), false) }
            let wasOpen = state.active?.isOpen == true
            state.active = nil
            state.pending.removeAll()
            return (bells, wasOpen)
        }
        for bell in bells { loop.unwatch(bell.descriptor) }
        if wasOpen { opened(false) }
    }

    private func watch(_ doorbells: [EventFD]) throws(Failure) {
        try loop.watchRinging(of: doorbells[Self.receiveQueue]) { [weak self] in self?.giveMore() }
        try loop.watchRinging(of: doorbells[Self.transmitQueue]) { [weak self] in self?.take() }
        try loop.watchRinging(of: doorbells[Self.controlReceiveQueue]) { [weak self] in
            self?.sendMessages()
        }
        try loop.watchRinging(of: doorbells[Self.controlTransmitQueue]) { [weak self] in
            self?.serveControl()
        }
    }
}
