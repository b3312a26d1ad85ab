public import Host
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
    /// The length of the serial number that the driver reads (5.2.6.1).
    static let identifierByteCount = 20

    /// Feature bits (5.2.3).
    static let segmentMaximum = VirtioFeatures(bit: 2)
    static let readOnly = VirtioFeatures(bit: 5)
    static let blockSize = VirtioFeatures(bit: 6)
    static let flush = VirtioFeatures(bit: 9)
    static let topology = VirtioFeatures(bit: 10)
    static let cacheControl = VirtioFeatures(bit: 11)
    static let discard = VirtioFeatures(bit: 13)
    static let writeZeroes = VirtioFeatures(bit: 14)

    /// The state of a paused disk. No request is under way in it.
    public struct State: VirtioDeviceState {
        /// The size and the sectors of the disk, as the driver has read them.
        public var sectorCount: UInt64
        public var logicalSectorByteCount: UInt32
        public var physicalSectorByteCount: UInt32
        /// Whether completed writes may wait for a flush.
        public var isWriteBack: Bool
        /// The queue of a disk that serves it, or nil.
        public var queue: VirtqueueState?

        /// Makes a state. The sizes of sectors that are not given are those of an image.
        public init(
            sectorCount: UInt64, logicalSectorByteCount: UInt32 = 512,
            physicalSectorByteCount: UInt32 = 4096, isWriteBack: Bool, queue: VirtqueueState?
        ) {
            self.sectorCount = sectorCount
            self.logicalSectorByteCount = logicalSectorByteCount
            self.physicalSectorByteCount = physicalSectorByteCount
            self.isWriteBack = isWriteBack
            self.queue = queue
        }

        public static var tag: VirtioStateTag { VirtioStateTag(.block) }

        public func write(to writer: inout ByteWriter) {
            writer.u64(sectorCount)
            writer.u32(logicalSectorByteCount)
            writer.u32(physicalSectorByteCount)
            writer.flag(isWriteBack)
            writer.optional(queue)
        }

        public init?(from reader: inout ByteReader) {
            guard let sectorCount = reader.u64(), let logicalSectorByteCount = reader.u32(),
                let physicalSectorByteCount = reader.u32(), let isWriteBack = reader.flag(),
                let queue = reader.optional(VirtqueueState.init(from:))
            else { return nil }
            self.init(
                sectorCount: sectorCount, logicalSectorByteCount: logicalSectorByteCount,
                physicalSectorByteCount: physicalSectorByteCount, isWriteBack: isWriteBack, queue: queue)
        }
    }

    private struct Guarded {
        var queues: BlockQueues?
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
        self.identifier = Array((identifier ?? "").utf8.prefix(Self.identifierByteCount))
    }

    public var counters: VirtioCounters {
        guarded.withLock { $0.queues?.counters ?? $0.counters }
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
        guarded.withLock { guarded in
            guarded.isWriteBack = value != 0
            guarded.queues?.writesThrough.store(value == 0, ordering: .releasing)
        }
    }

    public func activate(_ activation: VirtioActivation) throws(VirtqueueError) {
        let isWriteBack = guarded.withLock { $0.isWriteBack }
        let queues = try makeQueues(activation, VirtqueueState(), isWriteBack: isWriteBack)
        do throws(Failure) { try queues.start() } catch {
            throw .badRequest("the host cannot start a thread for the disk")
        }
        guarded.withLock { $0.queues = queues }
    }

    private func makeQueues(
        _ activation: VirtioActivation, _ state: VirtqueueState, isWriteBack: Bool
    ) throws(VirtqueueError) -> BlockQueues {
        // A driver that has not negotiated VIRTIO_BLK_F_FLUSH assumes that every completed write is durable
        // (5.2.6.2).
        try BlockQueues(
            activation, state, disk: disk, identifier: identifier,
            counters: guarded.withLock { $0.counters },
            writesThrough: !isWriteBack || !activation.features.contains(Self.flush))
    }

    public func reset() {
        let queues = guarded.withLock { $0.queues }
        // The lock is not held here, because requests in flight may take long.
        queues?.stop()
        guarded.withLock { guarded in
            guarded.counters = queues?.counters ?? guarded.counters
            guarded.queues = nil
            guarded.isWriteBack = true
        }
    }
}

/// Pause, save and restore (`VirtioDevice`).
extension VirtioBlock {
    public func pause() {
        // The lock is not held here, because requests in flight may take long.
        guarded.withLock { $0.queues }?.pause()
    }

    public func resume() {
        guarded.withLock { $0.queues }?.resume()
    }

    public var state: State {
        guarded.withLock { guarded in
            State(
                sectorCount: disk.sectorCount, logicalSectorByteCount: disk.sectors.logicalByteCount,
                physicalSectorByteCount: disk.sectors.physicalByteCount, isWriteBack: guarded.isWriteBack,
                queue: guarded.queues?.state)
        }
    }

    public func restore(_ saved: State, _ activation: VirtioActivation?) throws(SavedStateError) {
        guard saved.sectorCount == disk.sectorCount,
            saved.logicalSectorByteCount == disk.sectors.logicalByteCount,
            saved.physicalSectorByteCount == disk.sectors.physicalByteCount
        else { throw .unfit("a disk of another size or with other sectors") }
        guard saved.isWriteBack || !disk.isReadOnly else {
            throw .unfit("a read-only disk without its write-back cache")
        }
        let queues = try restoredQueues(saved.queue, activation) {
            activation, queue throws(VirtqueueError) in
            // A paused disk has completed each request whose chain it had popped.
            guard queue.nextAvailable == queue.nextUsed else {
                throw .badRequest("a request of a paused disk is under way")
            }
            return try makeQueues(activation, queue, isWriteBack: saved.isWriteBack)
        }
        guarded.withLock { guarded in
            guarded.isWriteBack = saved.isWriteBack
            guarded.queues = queues
        }
    }
}

/// struct virtio_blk_config (Virtio 1.2, 5.2.4), up to the last field that an offered feature uses.
struct BlockConfiguration {
    static let writeBackOffset = 32
    static let byteCount = 60

    /// The limits of a discard: 2 GiB a segment and 16 segments a request. Write zeroes has the same limits.
    static let maximumRangeSectors: UInt32 = 1 << 22
    static let maximumRangeCount: UInt32 = 16

    let sectorCount: UInt64
    let sectors: DiskSectors
    let isWriteBack: Bool

    var bytes: [UInt8] {
        var writer = ByteWriter(zeroes: Self.byteCount)
        writer.store(sectorCount, at: 0)  // capacity
        writer.store(UInt32(VirtioBlock.queueSize) - 2, at: 12)  // seg_max: all but header and status
        writer.store(sectors.logicalByteCount, at: 20)  // blk_size
        writer.store(sectors.physicalExponent, at: 24)  // topology.physical_block_exp
        writer.store(UInt16(1) << UInt16(sectors.physicalExponent), at: 26)  // topology.min_io_size
        writer.store(UInt8(isWriteBack ? 1 : 0), at: Self.writeBackOffset)
        writer.store(UInt16(1), at: 34)  // num_queues
        writer.store(Self.maximumRangeSectors, at: 36)  // max_discard_sectors
        writer.store(Self.maximumRangeCount, at: 40)  // max_discard_seg
        let alignment = sectors.physicalByteCount / UInt32(DiskFile.sectorByteCount)
        writer.store(alignment, at: 44)  // discard_sector_alignment
        writer.store(Self.maximumRangeSectors, at: 48)  // max_write_zeroes_sectors
        writer.store(Self.maximumRangeCount, at: 52)  // max_write_zeroes_seg
        writer.store(UInt8(1), at: 56)  // write_zeroes_may_unmap
        return writer.bytes
    }
}
