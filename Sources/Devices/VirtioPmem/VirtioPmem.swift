public import GuestMemory
import Synchronization
public import Virtio

/// The virtio persistent memory device (Virtio 1.2, 5.19). It reports the place of `files` in the guest's
/// physical memory. The guest reads them there directly and cannot write, so there is never anything to
/// flush.
public final class VirtioPmem: VirtioDevice {
    static let requestQueue = 0

    struct State: ~Copyable, Sendable {
        var active: PmemQueues?
        var counters = VirtioCounters()
    }

    public let files: PmemFiles
    public let range: GuestRange
    private let state = Mutex(State())

    /// Makes the device for `files`, which the machine maps into the guest's memory from `start` on.
    public init(_ files: PmemFiles, at start: GuestAddress) {
        self.files = files
        range = GuestRange(start: start, byteCount: UInt64(files.byteCount))
    }

    public var counters: VirtioCounters { state.withLock { $0.counters } }

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
        var active: PmemQueues? = try PmemQueues(activation)
        state.withLock { $0.active = active.take() }
    }

    public func reset() {
        state.withLock { $0.active = nil }
    }

    public func notified(_ queue: Int) {
        state.withLock { state in
            guard let interrupt = state.active?.interrupt, !interrupt.isFailed else { return }
            do throws(VirtqueueError) {
                try state.active!.serve(&state.counters)
            } catch {
                state.counters.faultCount &+= 1
                interrupt.fail(error)
            }
        }
    }
}
