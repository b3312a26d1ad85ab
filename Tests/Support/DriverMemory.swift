public import GuestMemory

/// The guest's RAM as a driver uses it. Memory is allocated from the start and never freed.
public final class DriverMemory {
    public let memory: GuestMemory
    private var next: UInt64 = 0x1000

    public init(byteCount: UInt64) throws {
        memory = try GuestMemory(byteCount: byteCount)
    }

    /// Allocates `byteCount` zero bytes.
    public func allocate(_ byteCount: UInt64, alignment: UInt64 = 16) -> GuestRange {
        let start = (next + alignment - 1) / alignment * alignment
        next = start + byteCount
        precondition(next <= memory.byteCount, "the test's guest is too small")
        return GuestRange(start: GuestAddress(start), byteCount: byteCount)
    }

    /// Allocates a buffer with the content `bytes`.
    public func allocate(_ bytes: [UInt8]) throws -> GuestRange {
        let range = allocate(UInt64(bytes.count))
        try memory.write(bytes, at: range.start)
        return range
    }

    public func bytes(_ range: GuestRange) throws -> [UInt8] {
        try memory.bytes(at: range.start, count: Int(range.byteCount))
    }
}
