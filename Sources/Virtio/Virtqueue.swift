public import GuestMemory
import Synchronization

/// The device's side of a split virtqueue (Virtio 1.2, 2.7). One thread at a time owns it.
///
/// Nothing that the driver writes is read twice: ring indices, ring entries and descriptors are each copied once and
/// checked on the copy. A driver that breaks the rules makes a method throw; the queue must not be used after that.
public struct Virtqueue: ~Copyable, Sendable {
    public let configuration: VirtqueueConfiguration
    public let memory: GuestMemory
    let hasIndirect: Bool
    let hasEventIndex: Bool
    /// The index in the available ring of the next chain to take; it wraps at 65,536.
    public private(set) var nextAvailable: UInt16 = 0
    /// The index in the used ring of the next entry to fill; it wraps at 65,536.
    public private(set) var nextUsed: UInt16 = 0
    /// `nextUsed` when the driver was last told.
    private var signalledUsed: UInt16 = 0
    /// The driver's idx as it was last read: chains up to here may be taken without reading it again.
    private var seenAvailable: UInt16 = 0

    /// Checks that size and alignment are as the specification demands and that all three parts are RAM.
    public init(
        _ configuration: VirtqueueConfiguration, features: VirtioFeatures, memory: GuestMemory
    ) throws(VirtqueueError) {
        let size = configuration.size
        guard size > 0, size & (size &- 1) == 0, size <= VirtqueueConfiguration.maximumSize else {
            throw .badSize(size)
        }
        try Self.check(configuration.descriptorRange, alignment: 16, in: memory)
        try Self.check(configuration.availableRange, alignment: 2, in: memory)
        try Self.check(configuration.usedRange, alignment: 4, in: memory)
        self.configuration = configuration
        self.memory = memory
        hasIndirect = features.contains(.indirectDescriptors)
        hasEventIndex = features.contains(.eventIndex)
    }

    private static func check(
        _ range: GuestRange, alignment: UInt64, in memory: GuestMemory
    ) throws(VirtqueueError) {
        guard range.start.rawValue % alignment == 0 else { throw .misaligned(range.start) }
        guard memory.contains(range) else { throw .outsideMemory(range) }
    }

    /// Takes the next available chain; false when there is none. `chain` is overwritten.
    public mutating func pop(into chain: inout DescriptorChain) throws(VirtqueueError) -> Bool {
        if seenAvailable == nextAvailable {
            seenAvailable = try guarded { () throws(GuestMemoryFault) in
                try memory.loadAcquiring(at: address(configuration.availableRing, 2))
            }
            let pending = seenAvailable &- nextAvailable
            // With those that were taken and not given back: a device that keeps chains must not be made to keep any number.
            let underWay = seenAvailable &- nextUsed
            guard pending <= configuration.size, underWay <= configuration.size else {
                throw .indexJumped(by: max(pending, underWay))
            }
            if pending == 0 { return false }
        }
        let slot = UInt64(nextAvailable & (configuration.size &- 1))
        let head: UInt16 = try guarded { () throws(GuestMemoryFault) in
            try memory.load(at: address(configuration.availableRing, 4 &+ 2 &* slot))
        }
        chain.clear(head: head)
        try walk(from: head, into: &chain)
        nextAvailable &+= 1
        return true
    }

    /// Gives the chain with that head back to the driver, with `byteCount` bytes written into it (2.7.8).
    public mutating func push(head: UInt16, byteCount: UInt32) throws(VirtqueueError) {
        let slot = UInt64(nextUsed & (configuration.size &- 1))
        let entry = UInt64(head) | UInt64(byteCount) << 32
        let next = nextUsed &+ 1
        try guarded { () throws(GuestMemoryFault) in
            try memory.store(entry, at: address(configuration.usedRing, 4 &+ 8 &* slot))
            // The entry before the index that announces it (2.7.13.2 of the driver's side).
            try memory.storeReleasing(next, at: address(configuration.usedRing, 2))
        }
        nextUsed = next
    }

    /// Whether the driver wants an interrupt for what was pushed since the last time this said yes (2.7.7.2, 2.7.10).
    public mutating func needsInterrupt() throws(VirtqueueError) -> Bool {
        let (old, new) = (signalledUsed, nextUsed)
        if old == new { return false }
        // Our idx must be visible before we read what the driver wants; pairs with its barrier before it looks at idx.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let wanted: Bool
        if hasEventIndex {
            let event: UInt16 = try field(configuration.availableRing, 4 &+ 2 &* UInt64(configuration.size))
            wanted = new &- event &- 1 < new &- old
        } else {
            let flags: UInt16 = try field(configuration.availableRing, 0)
            wanted = flags & 1 == 0  // VIRTQ_AVAIL_F_NO_INTERRUPT
        }
        signalledUsed = new
        return wanted
    }

    /// Asks the driver to ring when it adds a chain, and tells whether one was added meanwhile (2.7.7.2, 2.7.10): the
    /// caller then goes on popping instead of waiting for a bell that may not come.
    public mutating func enableNotifications() throws(VirtqueueError) -> Bool {
        if hasEventIndex {
            try setEventIndex(nextAvailable)
        } else {
            try setUsedFlags(0)
        }
        // Our wish must be visible before we look at idx once more; pairs with the driver's barrier before it reads it.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let index: UInt16 = try field(configuration.availableRing, 2)
        return index != nextAvailable
    }

    /// Asks the driver not to ring, because chains are being taken anyway or nothing is to be taken yet. Only a hint.
    public mutating func disableNotifications() throws(VirtqueueError) {
        if hasEventIndex {
            try setEventIndex(nextAvailable &- 1)  // which it has passed already (2.7.7.1)
        } else {
            try setUsedFlags(1)  // VIRTQ_USED_F_NO_NOTIFY
        }
    }

    /// avail_event: the driver rings when it makes this chain available (2.7.8).
    private func setEventIndex(_ index: UInt16) throws(VirtqueueError) {
        try guarded { () throws(GuestMemoryFault) in
            try memory.store(index, at: address(configuration.usedRing, 4 &+ 8 &* UInt64(configuration.size)))
        }
    }

    private func setUsedFlags(_ flags: UInt16) throws(VirtqueueError) {
        try guarded { () throws(GuestMemoryFault) in try memory.store(flags, at: configuration.usedRing) }
    }

    private func field(_ base: GuestAddress, _ offset: UInt64) throws(VirtqueueError) -> UInt16 {
        try guarded { () throws(GuestMemoryFault) in try memory.load(at: address(base, offset)) }
    }

    /// `offset` bytes into a part whose whole range `init` found to be RAM: the sum cannot overflow.
    private func address(_ base: GuestAddress, _ offset: UInt64) -> GuestAddress {
        GuestAddress(base.rawValue &+ offset)
    }
}

/// Turns a memory fault of `body` into the queue's error.
@inlinable
@inline(__always)
public func guarded<Value>(
    _ body: () throws(GuestMemoryFault) -> Value
) throws(VirtqueueError) -> Value {
    do throws(GuestMemoryFault) { return try body() } catch { throw VirtqueueError(error) }
}
