public import GuestMemory
public import Host
import Synchronization
public import Virtio

/// The virtio persistent memory device (Virtio 1.2, 5.19). It reports the place of `files` in the guest's
/// physical memory. The guest reads them there directly and cannot write, so there is never anything to
/// flush.
///
/// The vCPU that notifies the device serves the queue. The event loop's thread serves it after a turn's
/// budget is used up.
public final class VirtioPmem: VirtioDevice {
    static let requestQueue = 0

    public struct State: VirtioDeviceState {
        /// The place of the files, as the guest has read it in the configuration space.
        public var range: GuestRange
        /// The queue of a device that serves it, or nil.
        public var queue: VirtqueueState?

        public init(range: GuestRange, queue: VirtqueueState?) {
            self.range = range
            self.queue = queue
        }

        public static var tag: VirtioStateTag { VirtioStateTag(.persistentMemory) }

        public func write(to writer: inout ByteWriter) {
            writer.u64(range.start.rawValue)
            writer.u64(range.byteCount)
            writer.optional(queue)
        }

        public init?(from reader: inout ByteReader) {
            guard let start = reader.u64(), let byteCount = reader.u64(),
                let queue = reader.optional(VirtqueueState.init(from:))
            else { return nil }
            self.init(range: GuestRange(start: GuestAddress(start), byteCount: byteCount), queue: queue)
        }
    }

    public let files: PmemFiles
    public let range: GuestRange
    private let loop: EventLoop
    private let shell = Mutex(DeviceShell<PmemQueues>())

    /// Makes the device for `files`, which the machine maps into the guest's memory from `start` on.
    public init(_ files: PmemFiles, at start: GuestAddress, loop: EventLoop) {
        self.files = files
        self.loop = loop
        range = GuestRange(start: start, byteCount: UInt64(files.byteCount))
    }

    public var counters: VirtioCounters { shell.withLock { $0.counters } }

    // MARK: VirtioDevice

    public let type = VirtioDeviceType.persistentMemory
    public let features: VirtioFeatures = []
    public let queueSizes: [UInt16] = [8]
    /// Returns true: a request is answered as soon as it is read.
    public func isNotifiedDirectly(_ queue: Int) -> Bool { true }

    /// struct virtio_pmem_config (5.19.4): le64 start, le64 size.
    public var configuration: [UInt8] {
        [range.start.rawValue, range.byteCount].flatMap { word in
            (0..<UInt64(8)).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        }
    }

    public func activate(_ activation: VirtioActivation) throws(VirtqueueError) {
        try begin(try PmemQueues(activation), activation)
    }

    public func reset() {
        for doorbell in shell.withLock({ $0.reset() }) { loop.unwatch(doorbell.descriptor) }
    }

    public func pause() {
        shell.withLock { $0.pause() }
    }

    public func resume() {
        if shell.withLock({ $0.resume() }) { serve() }
    }

    public var state: State { State(range: range, queue: shell.withLock { $0.saved { $0.state } }) }

    public func restore(_ saved: State, _ activation: VirtioActivation?) throws(SavedStateError) {
        guard saved.range == range else {
            throw .unfit("persistent memory at another place or of another size")
        }
        let queues = try restoredQueues(saved.queue, activation) { activation, queue throws(VirtqueueError) in
            try PmemQueues(activation, queue)
        }
        guard let queues, let activation else { return }
        do throws(VirtqueueError) {
            try begin(queues, activation, isPaused: true)
        } catch { throw .badQueue(error) }
    }

    public func notified(_ queue: Int) {
        serve()
    }

    private func begin(
        _ queues: consuming PmemQueues, _ activation: VirtioActivation, isPaused: Bool = false
    ) throws(VirtqueueError) {
        var queues: PmemQueues? = queues
        shell.withLock { $0.activate(&queues, activation, isPaused: isPaused) }
        try watchOrReset { () throws(Failure) in
            try loop.watchNotifications(of: activation.doorbells[Self.requestQueue]) { [weak self] in
                self?.serve()
            }
        }
    }

    private func serve() {
        shell.withLock { shell in
            shell.serve { queues, counters throws(VirtqueueError) in try queues.serve(&counters) }
        }
    }
}
