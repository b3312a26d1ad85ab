import Glibc
import GuestMemory
import Host
import Layout

/// The place in RAM to which an ELF file is unpacked, chosen so that its segments can be moved to their
/// places one after another.
struct Stage {
    let range: GuestRange

    /// Chooses the place. Returns nil if the file does not fit, or if its segments share bytes in the file.
    ///
    /// A segment moves down by start + offset - address: the start of the stage, the segment's offset in the
    /// file and its address. If that is never negative, moving the segments in the order of the file
    /// overwrites no bytes that have yet to move.
    init?(for image: ELFImage, byteCount: UInt64, in memory: GuestMemory) {
        let inFile = image.segmentsInFileOrder
        for (first, second) in zip(inFile, inFile.dropFirst())
        where second.fileOffset - first.fileOffset < first.fileByteCount { return nil }
        var start = Layout.extendedMemory.rawValue
        for segment in inFile {
            let (distance, below) = segment.range.start.rawValue.subtractingReportingOverflow(
                segment.fileOffset)
            if !below { start = max(start, distance) }
        }
        let end = memory.low.range.byteCount
        guard start < end else { return nil }
        let room = end - start
        // A file of unknown size gets all the room there is.
        guard byteCount <= room || byteCount == .max else { return nil }
        range = GuestRange(start: GuestAddress(start), byteCount: min(byteCount, room))
    }

    /// Moves the segments of `image` to their places and clears all of the rest of the stage, because
    /// decompressors write a little beyond their last byte if there is room.
    func settle(_ image: ELFImage, in memory: GuestMemory) {
        for segment in image.segmentsInFileOrder {
            memory.move(range.start.rawValue + segment.fileOffset, to: segment.fileRange)
        }
        var cursor = range.start.rawValue
        let end = cursor + range.byteCount
        for segment in image.segments where segment.fileByteCount > 0 {
            let start = segment.range.start.rawValue
            memory.discard(from: cursor, to: min(start, end))
            cursor = max(cursor, start + segment.fileByteCount)
        }
        memory.discard(from: cursor, to: end)
    }
}

extension ELFImage {
    /// The segments that have bytes in the file, in the order of the file.
    var segmentsInFileOrder: [Segment] {
        segments.filter { $0.fileByteCount > 0 }.sorted { $0.fileOffset < $1.fileOffset }
    }

    /// The end of the last segment in the file.
    var fileEnd: UInt64 {
        segments.reduce(0) { max($0, $1.fileOffset + $1.fileByteCount) }
    }
}

extension GuestMemory {
    /// Returns the bytes of `notes`, as far as a segment of `image` has loaded them into RAM; empty if none
    /// has.
    func loaded(_ notes: ELFImage.Notes, of image: ELFImage) throws(Failure) -> ImageBytes {
        for segment in image.segments {
            let (offset, below) = notes.fileOffset.subtractingReportingOverflow(segment.fileOffset)
            guard !below, offset < segment.fileByteCount else { continue }
            let count = min(notes.fileByteCount, segment.fileByteCount - offset, ELFNotes.byteLimit)
            let range = GuestRange(
                start: GuestAddress(segment.range.start.rawValue + offset), byteCount: count)
            return ImageBytes(bytes: unsafe Array(hostBytes(range)))
        }
        return ImageBytes(bytes: [])
    }
}

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
