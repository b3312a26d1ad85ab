import CHost
import Host
import SystemPackage

/// A ring of bytes in pages that the host fills on first use. An empty ring costs no memory, and a ring that
/// is emptied again and again uses only its first pages.
struct ConsoleRing: ~Copyable, Sendable {
    static let byteCount = 256 << 10

    private let region: MappedRegion
    private var head = 0
    private(set) var count = 0

    init() throws(Failure) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        do throws(Errno) {
            region = try MappedRegion(
                descriptor: -1, byteCount: Self.byteCount, protection: PROT_READ | PROT_WRITE, flags: flags)
        } catch {
            throw Failure("cannot allocate the buffer of the console's output", errno: error)
        }
    }

    var free: Int { Self.byteCount - count }

    /// Makes room for up to `limit` bytes; `fill` writes them, in one piece or two. Returns the number of
    /// bytes. The second argument of `fill` is the number of bytes before its piece.
    mutating func append<Failed: Error>(
        _ limit: Int, fill: (UnsafeMutableRawBufferPointer, Int) throws(Failed) -> Void
    ) throws(Failed) -> Int {
        let taken = min(free, limit)
        let tail = (head + count) % Self.byteCount
        let first = min(taken, Self.byteCount - tail)
        if first > 0 { try unsafe fill(at(tail, first), 0) }
        if taken > first { try unsafe fill(at(0, taken - first), first) }
        count += taken
        return taken
    }

    private func at(_ offset: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: region.base + offset, count: count)
    }

    /// Returns the oldest bytes, up to `limit` of them in one piece. They stay in place until `removeFirst`,
    /// so that they can be written out while other threads append.
    func first(_ limit: Int) -> ConsoleRingPiece {
        unsafe ConsoleRingPiece(start: region.base + head, count: min(limit, count, Self.byteCount - head))
    }

    mutating func removeFirst(_ removed: Int) {
        count -= removed
        head = count == 0 ? 0 : (head + removed) % Self.byteCount
    }
}

/// Bytes of the ring that only the draining thread reads, until it removes them.
@safe
struct ConsoleRingPiece: Sendable {
    nonisolated(unsafe) let start: UnsafeMutableRawPointer
    let count: Int
}
