public import GuestMemory
import Synchronization

/// The device's side of a split virtqueue (Virtio 1.2, 2.7). One thread at a time owns it.
///
/// A device serves a queue after each notification of the driver:
///
/// ```
/// repeat {
///     while try queue.pop(into: &chain) {
///         let byteCount = transfer(chain)
///         try queue.push(head: chain.head, byteCount: byteCount)
///     }
///     if try queue.needsInterrupt() { interrupt.usedBuffer() }
/// } while try queue.enableNotifications()
/// ```
///
/// Ring indices, ring entries and descriptors are each copied exactly once and checked on the copy, because
/// the driver may change them at any time. If the driver breaks the rules, a method throws, and the queue
/// must not be used after that.
public struct Virtqueue: ~Copyable, Sendable {
    public let configuration: VirtqueueConfiguration
    public let memory: GuestMemory
    let hasIndirect: Bool
    let hasEventIndex: Bool
    /// The device's position in the queue.
    public private(set) var state: VirtqueueState
    /// The last value read of the driver's idx: chains up to here may be popped without reading idx again.
    private var seenAvailable: UInt16

    /// Makes the queue of `configuration`: a new one, or one that continues at `state`. Throws unless size
    /// and alignment are as the specification demands, the table and both rings are RAM, and no more chains
    /// are under way than the queue has descriptors.
    ///
    /// `state` may be a stranger's. Whatever it says, `pop` and `push` check what they find in memory.
    public init(
        _ configuration: VirtqueueConfiguration, _ state: VirtqueueState = VirtqueueState(),
        features: VirtioFeatures, memory: GuestMemory
    ) throws(VirtqueueError) {
        let size = configuration.size
        guard size > 0, size & (size &- 1) == 0, size <= VirtqueueConfiguration.maximumSize else {
            throw .badSize(size)
        }
        try Self.check(configuration.descriptorRange, alignment: 16, in: memory)
        try Self.check(configuration.availableRange, alignment: 2, in: memory)
        try Self.check(configuration.usedRange, alignment: 4, in: memory)
        let underWay = state.nextAvailable &- state.nextUsed
        guard underWay <= size else { throw .indexJumped(by: underWay) }
        self.configuration = configuration
        self.memory = memory
        self.state = state
        seenAvailable = state.nextAvailable
        hasIndirect = features.contains(.indirectDescriptors)
        hasEventIndex = features.contains(.eventIndex)
    }

    private static func check(
        _ range: GuestRange, alignment: UInt64, in memory: GuestMemory
    ) throws(VirtqueueError) {
        guard range.start.rawValue % alignment == 0 else { throw .misaligned(range.start) }
        guard memory.contains(range) else { throw .outsideMemory(range) }
    }

    /// Pops the next available chain into `chain`, which is overwritten. Returns false if there is none.
    public mutating func pop(into chain: inout DescriptorChain) throws(VirtqueueError) -> Bool {
        if seenAvailable == state.nextAvailable {
            seenAvailable = try guarded { () throws(GuestMemoryFault) in
                try memory.loadAcquiring(at: address(configuration.availableRing, 2))
            }
            let pending = seenAvailable &- state.nextAvailable
            // The chains that were popped and not pushed count as well: the driver must not make a device
            // hold any number of chains.
            let underWay = seenAvailable &- state.nextUsed
            guard pending <= configuration.size, underWay <= configuration.size else {
                throw .indexJumped(by: max(pending, underWay))
            }
            if pending == 0 { return false }
        }
        let slot = UInt64(state.nextAvailable & (configuration.size &- 1))
        let head: UInt16 = try guarded { () throws(GuestMemoryFault) in
            try memory.load(at: address(configuration.availableRing, 4 &+ 2 &* slot))
        }
        chain.clear(head: head)
        try walk(from: head, into: &chain)
        state.nextAvailable &+= 1
        return true
    }

    /// Pushes the chain with that head to the used ring, with `byteCount` as the number of bytes written into
    /// it (2.7.8).
    public mutating func push(head: UInt16, byteCount: UInt32) throws(VirtqueueError) {
        let slot = UInt64(state.nextUsed & (configuration.size &- 1))
        let entry = UInt64(head) | UInt64(byteCount) << 32
        let next = state.nextUsed &+ 1
        try guarded { () throws(GuestMemoryFault) in
            try memory.store(entry, at: address(configuration.usedRing, 4 &+ 8 &* slot))
            // The entry must be visible before the index that announces it (2.7.13.2 on the driver's side).
            try memory.storeReleasing(next, at: address(configuration.usedRing, 2))
        }
        state.nextUsed = next
    }

    /// Returns whether the driver wants an interrupt for the chains pushed since the last call (2.7.7.2,
    /// 2.7.10).
    public mutating func needsInterrupt() throws(VirtqueueError) -> Bool {
        let (old, new) = (state.signalledUsed, state.nextUsed)
        if old == new { return false }
        // The device's idx must be visible before the device reads the driver's event field; pairs with the
        // driver's barrier before it reads idx.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let wanted: Bool
        if hasEventIndex {
            let event: UInt16 = try field(configuration.availableRing, 4 &+ 2 &* UInt64(configuration.size))
            wanted = new &- event &- 1 < new &- old
        } else {
            let flags: UInt16 = try field(configuration.availableRing, 0)
            wanted = flags & 1 == 0  // VIRTQ_AVAIL_F_NO_INTERRUPT
        }
        state.signalledUsed = new
        return wanted
    }

    /// Asks the driver to notify the device of the next available chain. Returns whether the driver added a
    /// chain meanwhile (2.7.7.2, 2.7.10): the caller must then go on popping instead of waiting, because no
    /// notification may follow.
    public mutating func enableNotifications() throws(VirtqueueError) -> Bool {
        if hasEventIndex {
            try setEventIndex(state.nextAvailable)
        } else {
            try setUsedFlags(0)
        }
        // The request must be visible before the device reads idx once more; pairs with the driver's barrier
        // before it reads the request.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let index: UInt16 = try field(configuration.availableRing, 2)
        return index != state.nextAvailable
    }

    /// Asks the driver not to notify the device, because chains are being popped anyway or the device cannot
    /// take any. This is only a hint.
    public mutating func disableNotifications() throws(VirtqueueError) {
        if hasEventIndex {
            // The driver has passed this index already (2.7.7.1).
            try setEventIndex(state.nextAvailable &- 1)
        } else {
            try setUsedFlags(1)  // VIRTQ_USED_F_NO_NOTIFY
        }
    }

    /// Sets avail_event: the driver notifies the device when it makes the chain of this index available
    /// (2.7.8).
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

    /// Returns the address `offset` bytes into a part of the queue. The sum cannot overflow: `init` found the
    /// whole part to be RAM.
    private func address(_ base: GuestAddress, _ offset: UInt64) -> GuestAddress {
        GuestAddress(base.rawValue &+ offset)
    }
}

/// The steps of a loop over a queue.
extension Virtqueue {
    /// Pops the next chain. If there is none, enables notifications and returns false. A chain that the
    /// driver adds meanwhile is either popped here or causes a notification.
    public mutating func popOrRearm(into chain: inout DescriptorChain) throws(VirtqueueError) -> Bool {
        while try !pop(into: &chain) {
            guard try enableNotifications() else { return false }
        }
        return true
    }

    /// Interrupts the driver if it has asked for an interrupt for the chains that were pushed to this queue,
    /// which has the number `number`.
    public mutating func interruptDriver(
        _ interrupt: VirtioInterrupt, queue number: Int, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) {
        guard try needsInterrupt() else { return }
        counters.interruptCount &+= 1
        interrupt.usedBuffer(queue: number)
    }
}

/// Calls `body` and throws its memory fault as the queue's error.
@inlinable
@inline(__always)
public func guarded<Value>(
    _ body: () throws(GuestMemoryFault) -> Value
) throws(VirtqueueError) -> Value {
    do throws(GuestMemoryFault) { return try body() } catch { throw VirtqueueError(error) }
}
