import Host
import Synchronization
public import Virtio

/// The virtio block device (Virtio 1.2, 5.2) over a file or block device of the host.
///
/// Each active disk has a thread of its own that serves what the page cache can answer at once, and up to
/// eight workers while requests wait for the host's disk. So no vCPU waits for a disk, and no request waits
/// for another.
public final class VirtioBlock: VirtioDevice {
    static let queueSize: UInt16 = 256
    static let requestQueue = 0

    /// Feature bits (5.2.3).
    static let segmentMaximum = VirtioFeatures(bit: 2)
    static let readOnly = VirtioFeatures(bit: 5)
    static let blockSize = VirtioFeatures(bit: 6)
    static let flush = VirtioFeatures(bit: 9)
    static let topology = VirtioFeatures(bit: 10)
    static let cacheControl = VirtioFeatures(bit: 11)
    static let discard = VirtioFeatures(bit: 13)
    static let writeZeroes = VirtioFeatures(bit: 14)

    public struct State: VirtioDeviceState {
        /// The size of the disk, as the guest has read it.
        public var sectorCount: UInt64
        public var isWriteBack: Bool
        /// The queue of a device that serves it, or nil. No request is under way in a paused device.
        public var queue: VirtqueueState?

        public init(sectorCount: UInt64, isWriteBack: Bool, queue: VirtqueueState?) {
            self.sectorCount = sectorCount
            self.isWriteBack = isWriteBack
            self.queue = queue
        }
    }

    private struct Guarded {
        var server: BlockServer?
        var counters = VirtioCounters()
        /// Whether completed writes may wait for a flush: the driver's choice in the configuration space.
        var isWriteBack = true
    }

    private let disk: DiskFile
    private let identifier: [UInt8]
    private let guarded = Mutex(Guarded())

    /// Makes a device of `disk`. The guest reads the first 20 bytes of `identifier` as the disk's serial
    /// number.
    public init(_ disk: DiskFile, identifier: String? = nil) {
        self.disk = disk
        self.identifier = Array((identifier ?? "").utf8.prefix(BlockServer.identifierByteCount))
    }

    public var counters: VirtioCounters {
        guarded.withLock { $0.server?.counters ?? $0.counters }
    }

    // MARK: VirtioDevice

    public let type = VirtioDeviceType.block
    public let queueSizes: [UInt16] = [VirtioBlock.queueSize]

    public var features: VirtioFeatures {
        let always: VirtioFeatures = [Self.segmentMaximum, Self.blockSize, Self.flush, Self.topology]
        if disk.isReadOnly { return always.union(Self.readOnly) }
        return always.union([Self.cacheControl, Self.discard, Self.writeZeroes])
    }

    public var configuration: [UInt8] {
        BlockConfiguration(
            sectorCount: disk.sectorCount, sectors: disk.sectors,
            isWriteBack: guarded.withLock { $0.isWriteBack }
        ).bytes
    }

    /// Writes to the configuration space. Only `writeback` can be written (5.2.5.1).
    public func writeConfiguration(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        guard offset == BlockConfiguration.writeBackOffset, bytes.count == 1, let value = bytes.first,
            !disk.isReadOnly
        else { return }
        guarded.withLock { state in
            state.isWriteBack = value != 0
            state.server?.writesThrough.store(value == 0, ordering: .releasing)
        }
    }

    public func activate(_ activation: VirtioActivation) throws(VirtqueueError) {
        let server = try makeServer(activation, VirtqueueState())
        do throws(Failure) { try server.start() } catch {
            throw .badRequest("the host has no thread to spare for a disk")
        }
        guarded.withLock { $0.server = server }
    }

    private func makeServer(
        _ activation: VirtioActivation, _ state: VirtqueueState
    ) throws(VirtqueueError) -> BlockServer {
        let (counters, isWriteBack) = guarded.withLock { ($0.counters, $0.isWriteBack) }
        // A driver that has not negotiated VIRTIO_BLK_F_FLUSH assumes that every completed write is durable
        // (5.2.6.2).
        return try BlockServer(
            activation, state, disk: disk, identifier: identifier, counters: counters,
            writesThrough: !isWriteBack || !activation.features.contains(Self.flush))
    }

    public func reset() {
        let server = guarded.withLock { $0.server }
        // The lock is not held here, because requests in flight may take long.
        server?.stop()
        guarded.withLock { state in
            state.counters = server?.counters ?? state.counters
            state.server = nil
            state.isWriteBack = true
        }
    }
}

/// Pause, save and restore.
extension VirtioBlock {
    public func pause() {
        // The lock is not held here, because requests in flight may take long.
        guarded.withLock { $0.server }?.pause()
    }

    public func resume() {
        guarded.withLock { $0.server }?.resume()
    }

    public var state: State {
        guarded.withLock { state in
            State(
                sectorCount: disk.sectorCount, isWriteBack: state.isWriteBack,
                queue: state.server?.queueState)
        }
    }

    public func restore(_ saved: State, _ activation: VirtioActivation?) throws(SavedStateError) {
        guard saved.sectorCount == disk.sectorCount else { throw .unfit("a disk of another size") }
        let previous = guarded.withLock { state in
            defer { state.isWriteBack = saved.isWriteBack }
            return state.isWriteBack
        }
        do throws(SavedStateError) {
            let server = try restoredQueues(saved.queue, activation) {
                activation, queue throws(VirtqueueError) in
                // Drained: each chain that was popped has been pushed.
                guard queue.nextAvailable == queue.nextUsed else {
                    throw .badRequest("a request of a paused disk is under way")
                }
                return try makeServer(activation, queue)
            }
            guarded.withLock { $0.server = server }
        } catch {
            guarded.withLock { $0.isWriteBack = previous }
            throw error
        }
    }
}
