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

    private struct State {
        var server: BlockServer?
        var counters = VirtioCounters()
        /// Whether completed writes may wait for a flush: the driver's choice in the configuration space.
        var isWriteBack = true
    }

    private let disk: DiskFile
    private let identifier: [UInt8]
    private let state = Mutex(State())

    /// Makes a device of `disk`. The guest reads the first 20 bytes of `identifier` as the disk's serial
    /// number.
    public init(_ disk: DiskFile, identifier: String? = nil) {
        self.disk = disk
        self.identifier = Array((identifier ?? "").utf8.prefix(BlockServer.identifierByteCount))
    }

    public var counters: VirtioCounters {
        state.withLock { $0.server?.counters ?? $0.counters }
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
            isWriteBack: state.withLock { $0.isWriteBack }
        ).bytes
    }

    /// Writes to the configuration space. Only `writeback` can be written (5.2.5.1).
    public func writeConfiguration(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        guard offset == BlockConfiguration.writeBackOffset, bytes.count == 1, let value = bytes.first,
            !disk.isReadOnly
        else { return }
        state.withLock { state in
            state.isWriteBack = value != 0
            state.server?.writesThrough.store(value == 0, ordering: .releasing)
        }
    }

    public func activate(_ activation: VirtioActivation) throws(VirtqueueError) {
        let (counters, isWriteBack) = state.withLock { ($0.counters, $0.isWriteBack) }
        // A driver that has not negotiated VIRTIO_BLK_F_FLUSH assumes that every completed write is durable
        // (5.2.6.2).
        let server = try BlockServer(
            activation, disk: disk, identifier: identifier, counters: counters,
            writesThrough: !isWriteBack || !activation.features.contains(Self.flush))
        do throws(Failure) { try server.start() } catch {
            throw .badRequest("the host has no thread to spare for a disk")
        }
        state.withLock { $0.server = server }
    }

    public func reset() {
        let server = state.withLock { $0.server }
        // The lock is not held here, because requests in flight may take long.
        server?.stop()
        state.withLock { state in
            state.counters = server?.counters ?? state.counters
            state.server = nil
            state.isWriteBack = true
        }
    }
}
