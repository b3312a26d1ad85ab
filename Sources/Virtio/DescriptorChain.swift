public import GuestMemory

/// One request: the buffers of a descriptor chain, first those that the device reads, then those that it writes
/// (Virtio 1.2, 2.7.4). Every buffer was found to be RAM when the chain was popped; the addresses are our copies.
///
/// A chain is filled again and again by `Virtqueue.pop(into:)`, so that a steady flow of requests allocates nothing.
public struct DescriptorChain: Sendable {
    /// The number of the first descriptor, by which the driver knows the request.
    public internal(set) var head: UInt16 = 0
    /// All buffers in order.
    public internal(set) var buffers: [GuestRange] = []
    /// How many of `buffers`, from the start, are for the device to read.
    public internal(set) var readableCount = 0

    public init() {}

    public var readable: ArraySlice<GuestRange> { buffers[..<readableCount] }
    public var writable: ArraySlice<GuestRange> { buffers[readableCount...] }

    /// The bytes in the readable buffers. A chain has at most 32,768 buffers of less than 4 GiB: no overflow.
    public var readableByteCount: UInt64 { readable.reduce(0) { $0 &+ $1.byteCount } }
    /// The bytes in the writable buffers.
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
