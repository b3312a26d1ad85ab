public import GuestMemory
import Synchronization

/// A buffer of a descriptor chain.
public struct DriverBuffer: Sendable {
    public let range: GuestRange
    public let isWritable: Bool

    public static func readable(_ range: GuestRange) -> DriverBuffer {
        DriverBuffer(range: range, isWritable: false)
    }

    public static func writable(_ range: GuestRange) -> DriverBuffer {
        DriverBuffer(range: range, isWritable: true)
    }
}

/// An entry of the used ring (Virtio 1.2, 2.7.8).
public struct UsedEntry: Hashable, Sendable {
    public let head: UInt32
    public let byteCount: UInt32

    public init(head: UInt32, byteCount: UInt32) {
        self.head = head
        self.byteCount = byteCount
    }
}

/// The driver's side of a split virtqueue (Virtio 1.2, 2.7). The high-level methods follow the specification;
/// the low-level ones write whatever a hostile driver might.
public final class DriverQueue {
    public let index: Int
    public let size: UInt16
    public let descriptors: GuestRange
    public let available: GuestRange
    public let used: GuestRange
    private let memory: DriverMemory
    private var nextDescriptor: UInt16 = 0
    private var availableIndex: UInt16 = 0
    private var lastUsed: UInt16 = 0

    public init(index: Int, size: UInt16, in memory: DriverMemory) {
        self.index = index
        self.size = size
        self.memory = memory
        descriptors = memory.allocate(16 * UInt64(size))
        available = memory.allocate(6 + 2 * UInt64(size), alignment: 2)
        used = memory.allocate(6 + 8 * UInt64(size), alignment: 4)
    }

    // MARK: Following the specification

    /// Adds a descriptor chain and makes it available. Returns its head.
    @discardableResult
    public func add(_ buffers: [DriverBuffer], indirect: Bool = false) throws -> UInt16 {
        let head = try indirect ? describeIndirectly(buffers) : describe(buffers)
        try publish(head)
        return head
    }

    /// Writes the descriptors of a chain to the queue's table.
    public func describe(_ buffers: [DriverBuffer]) throws -> UInt16 {
        let head = nextDescriptor
        for (position, buffer) in buffers.enumerated() {
            let isLast = position == buffers.count - 1
            let following = (nextDescriptor + 1) % size
            try describe(
                nextDescriptor, buffer.range.start.rawValue, UInt32(buffer.range.byteCount),
                flags: (isLast ? 0 : DescriptorFlag.next) | (buffer.isWritable ? DescriptorFlag.write : 0),
                next: isLast ? 0 : following)
            nextDescriptor = following
        }
        return head
    }

    private func describeIndirectly(_ buffers: [DriverBuffer]) throws -> UInt16 {
        let table = memory.allocate(16 * UInt64(buffers.count))
        for (position, buffer) in buffers.enumerated() {
            let isLast = position == buffers.count - 1
            try write(
                descriptor: table.start.rawValue + 16 * UInt64(position), buffer.range.start.rawValue,
                UInt32(buffer.range.byteCount),
                flags: (isLast ? 0 : DescriptorFlag.next) | (buffer.isWritable ? DescriptorFlag.write : 0),
                next: isLast ? 0 : UInt16(position + 1))
        }
        let head = nextDescriptor
        nextDescriptor = (nextDescriptor + 1) % size
        try describe(
            head, table.start.rawValue, UInt32(table.byteCount), flags: DescriptorFlag.indirect, next: 0)
        return head
    }

    /// Makes the descriptor chain with the head `head` available.
    public func publish(_ head: UInt16) throws {
        try setAvailable(slot: availableIndex % size, head)
        availableIndex &+= 1
        try setAvailableIndex(availableIndex)
    }

    /// Returns the next used entry. If there is none, asks for an interrupt at the next one and returns nil.
    public func takeUsed() throws -> UsedEntry? {
        if try usedIndex() == lastUsed {
            try memory.memory.store(lastUsed, at: at(available, 4 + 2 * UInt64(size)))
            atomicMemoryFence(ordering: .sequentiallyConsistent)
            if try usedIndex() == lastUsed { return nil }
        }
        let entry: UInt64 = try memory.memory.load(at: at(used, 4 + 8 * UInt64(lastUsed % size)))
        lastUsed &+= 1
        return UsedEntry(
            head: UInt32(truncatingIfNeeded: entry), byteCount: UInt32(truncatingIfNeeded: entry >> 32))
    }

    public func usedIndex() throws -> UInt16 { try memory.memory.loadAcquiring(at: at(used, 2)) }
    /// Returns the flags that the device writes (2.7.10).
    public func usedFlags() throws -> UInt16 { try memory.memory.load(at: used.start) }
    /// Returns the available index at which the device asks to be notified (VIRTIO_F_EVENT_IDX).
    public func availableEvent() throws -> UInt16 {
        try memory.memory.load(at: at(used, 4 + 8 * UInt64(size)))
    }

    // MARK: Violating the specification

    /// Writes a descriptor of the queue's table.
    public func describe(
        _ index: UInt16, _ address: UInt64, _ byteCount: UInt32, flags: UInt16, next: UInt16
    ) throws {
        try write(
            descriptor: descriptors.start.rawValue + 16 * UInt64(index), address, byteCount, flags: flags,
            next: next)
    }

    /// Writes a descriptor at any address.
    public func write(
        descriptor at: UInt64, _ address: UInt64, _ byteCount: UInt32, flags: UInt16, next: UInt16
    ) throws {
        try memory.memory.store(address, at: GuestAddress(at))
        try memory.memory.store(byteCount, at: GuestAddress(at + 8))
        try memory.memory.store(flags, at: GuestAddress(at + 12))
        try memory.memory.store(next, at: GuestAddress(at + 14))
    }

    public func setAvailable(slot: UInt16, _ head: UInt16) throws {
        try memory.memory.store(head, at: at(available, 4 + 2 * UInt64(slot)))
    }

    public func setAvailableIndex(_ index: UInt16) throws {
        try memory.memory.storeReleasing(index, at: at(available, 2))
    }

    public func setAvailableFlags(_ flags: UInt16) throws {
        try memory.memory.store(flags, at: available.start)
    }

    private func at(_ range: GuestRange, _ offset: UInt64) -> GuestAddress {
        GuestAddress(range.start.rawValue + offset)
    }
}
