import Glibc
import GuestMemory

/// Gives a loader access to RAM before the guest runs, when no other thread changes it.
extension GuestMemory {
    /// Returns the host's view of `range`, which must be RAM below the hole.
    func hostBytes(_ range: GuestRange) -> UnsafeMutableRawBufferPointer {
        precondition(contains(range) && range.start < low.range.end!, "there is no low RAM at \(range)")
        return unsafe UnsafeMutableRawBufferPointer(
            start: low.hostBase + Int(range.start.rawValue), count: Int(range.byteCount))
    }

    func move(_ source: UInt64, to range: GuestRange) {
        guard source != range.start.rawValue else { return }
        let from = GuestRange(start: GuestAddress(source), byteCount: range.byteCount)
        unsafe hostBytes(range).copyMemory(from: UnsafeRawBufferPointer(hostBytes(from)))
    }

    /// Clears a range. Whole pages are returned to the host.
    func discard(from start: UInt64, to end: UInt64) {
        guard start < end else { return }
        let bytes = unsafe hostBytes(GuestRange(start: GuestAddress(start), byteCount: end - start))
        let mask = Int(Self.pageByteCount) - 1
        let head = min(Int(truncatingIfNeeded: 0 &- start) & mask, bytes.count)
        let tail = max(head, bytes.count - (Int(truncatingIfNeeded: end) & mask))
        unsafe memset(bytes.baseAddress!, 0, head)
        unsafe memset(bytes.baseAddress! + tail, 0, bytes.count - tail)
        guard tail > head else { return }
        // If the RAM comes from a file system of huge pages, the host refuses to take back small pages.
        if unsafe madvise(bytes.baseAddress! + head, tail - head, MADV_DONTNEED) != 0 {
            unsafe memset(bytes.baseAddress! + head, 0, tail - head)
        }
    }

    /// Advises the host that all of `range`, which is RAM below the hole, is about to be written. With huge
    /// pages that takes a few faults instead of thousands. The host may ignore the advice.
    func expectWrites(to range: GuestRange) {
        let bytes = unsafe hostBytes(range)
        guard let start = bytes.baseAddress, bytes.count >= Self.hugePageByteCount else { return }
        let offset = Int(bitPattern: start) & (Int(Self.pageByteCount) - 1)
        unsafe madvise(start - offset, bytes.count + offset, MADV_HUGEPAGE)
    }

    private static var hugePageByteCount: Int { 2 << 20 }
}
