public import GuestMemory

/// One request: the buffers of a descriptor chain, first the device-readable ones, then the device-writable
/// ones (Virtio 1.2, 2.7.4). `pop` has checked that every buffer is RAM; the addresses are copies.
///
/// `Virtqueue.pop(into:)` reuses a chain's storage, so that a steady flow of requests allocates nothing.
public struct DescriptorChain: Sendable {
    /// The index of the first descriptor, by which the driver identifies the request.
    public internal(set) var head: UInt16 = 0
    /// All buffers in order.
    public internal(set) var buffers: [GuestRange] = []
    /// The number of device-readable buffers, which come first in `buffers`.
    public internal(set) var readableCount = 0

    public init() {}

    public var readable: ArraySlice<GuestRange> { buffers[..<readableCount] }
    public var writable: ArraySlice<GuestRange> { buffers[readableCount...] }

    /// The number of bytes in the readable buffers. It cannot overflow: a chain has at most 32,768 buffers of
    /// less than 4 GiB.
    public var readableByteCount: UInt64 { readable.reduce(0) { $0 &+ $1.byteCount } }
    /// The number of bytes in the writable buffers.
    public var writableByteCount: UInt64 { writable.reduce(0) { $0 &+ $1.byteCount } }

    mutating func clear(head: UInt16) {
        self.head = head
        buffers.removeAll(keepingCapacity: true)
        readableCount = 0
    }

    mutating func append(_ buffer: GuestRange, writable: Bool) throws(VirtqueueError) {
        if !writable {
            guard readableCount == buffers.count else { throw .readableAfterWritable }
            readableCount += 1
        }
        buffers.append(buffer)
    }
}

/// A copy of one entry of a descriptor table: addr (8 bytes), len (4), flags (2), next (2) (Virtio 1.2,
/// 2.7.5).
struct Descriptor {
    static let byteCount: UInt64 = 16

    let buffer: GuestRange
    let flags: UInt16
    let next: UInt16

    var hasNext: Bool { flags & 1 != 0 }  // VIRTQ_DESC_F_NEXT
    var isWritable: Bool { flags & 2 != 0 }  // VIRTQ_DESC_F_WRITE
    var isIndirect: Bool { flags & 4 != 0 }  // VIRTQ_DESC_F_INDIRECT
    var length: UInt32 { UInt32(truncatingIfNeeded: buffer.byteCount) }
}

/// A descriptor table: that of the queue, or an indirect one in a buffer.
private struct DescriptorTable {
    let start: GuestAddress
    let count: UInt16

    func entry(_ index: UInt16, in memory: GuestMemory) throws(VirtqueueError) -> Descriptor {
        guard index < count else { throw .badDescriptorIndex(index) }
        let offset = Descriptor.byteCount &* UInt64(index)
        guard let at = start.advanced(by: offset), let second = at.advanced(by: 8) else {
            throw .outsideMemory(GuestRange(start: start, byteCount: offset))
        }
        let address: UInt64 = try guarded { () throws(GuestMemoryFault) in try memory.load(at: at) }
        let rest: UInt64 = try guarded { () throws(GuestMemoryFault) in try memory.load(at: second) }
        return Descriptor(
            buffer: GuestRange(start: GuestAddress(address), byteCount: rest & 0xFFFF_FFFF),
            flags: UInt16(truncatingIfNeeded: rest >> 32), next: UInt16(truncatingIfNeeded: rest >> 48))
    }
}

extension Virtqueue {
    /// Appends the chain's buffers to `chain`. The number of steps is bounded by the queue's size, so a loop
    /// of descriptors ends (2.7.5.2).
    func walk(from head: UInt16, into chain: inout DescriptorChain) throws(VirtqueueError) {
        var table = DescriptorTable(start: configuration.descriptorTable, count: configuration.size)
        var isInIndirect = false
        var index = head
        var steps: UInt16 = 0
        while true {
            let descriptor = try table.entry(index, in: memory)
            if descriptor.isIndirect {
                guard !isInIndirect, !descriptor.hasNext else { throw .nestedIndirect }
                table = try indirectTable(descriptor)
                (isInIndirect, index) = (true, 0)
                continue
            }
            steps &+= 1
            guard steps <= configuration.size else { throw .chainTooLong }
            guard memory.contains(descriptor.buffer) else { throw .outsideMemory(descriptor.buffer) }
            try chain.append(descriptor.buffer, writable: descriptor.isWritable)
            guard descriptor.hasNext else { return }
            index = descriptor.next
        }
    }

    private func indirectTable(_ descriptor: Descriptor) throws(VirtqueueError) -> DescriptorTable {
        guard hasIndirect else { throw .indirectNotNegotiated }
        let entries = descriptor.buffer.byteCount / Descriptor.byteCount
        guard descriptor.buffer.byteCount % Descriptor.byteCount == 0, entries > 0,
            entries <= UInt64(configuration.size)
        else { throw .badIndirectTable(byteCount: descriptor.length) }
        guard memory.contains(descriptor.buffer) else { throw .outsideMemory(descriptor.buffer) }
        return DescriptorTable(start: descriptor.buffer.start, count: UInt16(truncatingIfNeeded: entries))
    }
}
