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

/// A chain's buffers as one run of bytes, independent of where the driver has cut it.
extension Collection where Element == GuestRange, Index == Int {
    /// Returns the part of one buffer that starts `offset` bytes into the run, at most `limit` bytes long;
    /// nil at the end.
    @inlinable
    public func piece(at offset: UInt64, limit: UInt64) -> GuestRange? {
        var skip = offset
        for buffer in self {
            if skip < buffer.byteCount, let start = buffer.start.advanced(by: skip) {
                return GuestRange(start: start, byteCount: Swift.min(limit, buffer.byteCount &- skip))
            }
            skip &-= Swift.min(skip, buffer.byteCount)
        }
        return nil
    }

    /// Reads the little-endian word `offset` bytes into the run. Bytes beyond the run's end count as zero.
    @inlinable
    public func word(at offset: UInt64, in memory: GuestMemory) throws(VirtqueueError) -> UInt64 {
        if let whole = piece(at: offset, limit: 8), whole.byteCount == 8 {
            return try guarded { () throws(GuestMemoryFault) in try memory.load(at: whole.start) }
        }
        var word: UInt64 = 0
        for index in 0..<UInt64(8) {
            guard let byte = piece(at: offset &+ index, limit: 1) else { break }
            let value: UInt8 = try guarded { () throws(GuestMemoryFault) in try memory.load(at: byte.start) }
            word |= UInt64(value) << (8 &* index)
        }
        return word
    }

    /// Writes a little-endian word to the start of the run. Returns false if there is no room for all of it.
    @inlinable
    public func store(_ word: UInt32, in memory: GuestMemory) throws(VirtqueueError) -> Bool {
        if let whole = piece(at: 0, limit: 4), whole.byteCount == 4 {
            try guarded { () throws(GuestMemoryFault) in try memory.store(word, at: whole.start) }
            return true
        }
        for index in 0..<UInt64(4) {
            guard let byte = piece(at: index, limit: 1) else { return false }
            let value = UInt8(truncatingIfNeeded: word >> UInt32(8 &* index))
            try guarded { () throws(GuestMemoryFault) in try memory.store(value, at: byte.start) }
        }
        return true
    }

    /// Copies `bytes` into the run from its start, as far as there is room; returns the number of bytes
    /// copied.
    @inlinable
    public func scatter(_ bytes: ArraySlice<UInt8>, in memory: GuestMemory) throws(VirtqueueError) -> Int {
        var rest = bytes
        for buffer in self where !rest.isEmpty {
            let part = rest.prefix(Int(clamping: buffer.byteCount))
            try memory.write(part, at: buffer.start)
            rest = rest.dropFirst(part.count)
        }
        return bytes.count - rest.count
    }
}

extension GuestMemory {
    @usableFromInline
    func write(_ bytes: ArraySlice<UInt8>, at address: GuestAddress) throws(VirtqueueError) {
        var fault: GuestMemoryFault?
        unsafe bytes.withUnsafeBytes { source in
            do throws(GuestMemoryFault) { unsafe try write(source, at: address) } catch { fault = error }
        }
        if let fault { throw VirtqueueError(fault) }
    }
}
