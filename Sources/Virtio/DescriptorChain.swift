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
