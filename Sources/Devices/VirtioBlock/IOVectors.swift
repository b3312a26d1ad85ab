import CHost
import GuestMemory
import Virtio

/// The pieces of guest memory that one system call reads or writes. The storage is reused.
@safe
struct IOVectors: ~Copyable {
    /// The largest number of pieces. A chain has at most as many buffers as its queue has descriptors: far
    /// fewer than IOV_MAX (1,024).
    static let capacity = Int(VirtioBlock.queueSize)

    private let storage: UnsafeMutablePointer<iovec>
    private var first = 0
    private var end = 0
    private(set) var byteCount: UInt64 = 0

    init() {
        unsafe storage = .allocate(capacity: Self.capacity)
    }

    deinit {
        unsafe storage.deallocate()
    }

    var base: UnsafePointer<iovec> { unsafe UnsafePointer(storage + first) }
    var count: Int32 { Int32(end - first) }
    var isEmpty: Bool { first == end }

    /// Sets the vectors to `byteCount` bytes of `buffers`, starting `offset` bytes into them. The buffers
    /// must be that long.
    mutating func fill(
        _ buffers: ArraySlice<GuestRange>, from offset: UInt64, byteCount: UInt64, in memory: GuestMemory
    ) throws(VirtqueueError) {
        (first, end, self.byteCount) = (0, 0, byteCount)
        var (skip, rest) = (offset, byteCount)
        for buffer in buffers where rest > 0 {
            let skipped = min(skip, buffer.byteCount)
            let taken = min(rest, buffer.byteCount &- skipped)
            skip &-= skipped
            rest &-= taken
            if taken > 0 { try append(buffer.start, skipped, taken, memory) }
        }
    }

    private mutating func append(
        _ start: GuestAddress, _ skipped: UInt64, _ taken: UInt64, _ memory: GuestMemory
    ) throws(VirtqueueError) {
        // No overflow: the range lies within a buffer that was found to be RAM.
        let range = GuestRange(start: GuestAddress(start.rawValue &+ skipped), byteCount: taken)
        precondition(end < Self.capacity)
        unsafe storage[end] = try guarded { () throws(GuestMemoryFault) in unsafe try memory.vector(range) }
        end += 1
    }

    /// Removes `done` bytes, which have been read or written, from the start.
    mutating func advance(by done: Int) {
        byteCount &-= UInt64(done)
        var rest = done
        while rest > 0 {
            let length = unsafe storage[first].iov_len
            if rest < length {
                unsafe storage[first].iov_base += rest
                unsafe storage[first].iov_len -= rest
                return
            }
            rest -= length
            first += 1
        }
    }
}
