import Glibc
import GuestMemory
import Host

/// Where in RAM an ELF file is unpacked to, such that its segments can be moved to their places one after another.
struct Stage {
    let range: GuestRange

    /// A segment moves down by the difference of the stage's start and its address less its offset; where that is never
    /// negative, moving the segments in the order of the file overwrites nothing that is still to move.
    ///
    /// Nil if the file does not fit, or if its segments share bytes in the file.
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
        // A file that does not say how long it is gets all there is.
        guard byteCount <= room || byteCount == .max else { return nil }
        range = GuestRange(start: GuestAddress(start), byteCount: min(byteCount, room))
    }

    /// Moves the segments of `image` to their places and clears the rest of the stage: all of it, since decompressors
    /// write a little beyond their last byte where there is room.
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
    /// Those with bytes in the file.
    var segmentsInFileOrder: [Segment] {
        segments.filter { $0.fileByteCount > 0 }.sorted { $0.fileOffset < $1.fileOffset }
    }

    /// The last byte that is needed of the file.
    var fileEnd: UInt64 {
        segments.reduce(0) { max($0, $1.fileOffset + $1.fileByteCount) }
    }
}

/// RAM as a loader needs it. All of this is for the time before the guest runs, when nobody else changes it.
extension GuestMemory {
    /// The host's view of `range`, which is RAM below the hole.
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

    /// Makes fresh RAM of it again: whole pages are given back to the host.
    func discard(from start: UInt64, to end: UInt64) {
        guard start < end else { return }
        let bytes = unsafe hostBytes(GuestRange(start: GuestAddress(start), byteCount: end - start))
        let mask = Int(Self.pageByteCount) - 1
        let head = min(Int(truncatingIfNeeded: 0 &- start) & mask, bytes.count)
        let tail = max(head, bytes.count - (Int(truncatingIfNeeded: end) & mask))
        unsafe memset(bytes.baseAddress!, 0, head)
        unsafe memset(bytes.baseAddress! + tail, 0, bytes.count - tail)
        guard tail > head else { return }
        // Huge pages of a file system of their own cannot be given back in small ones.
        if unsafe madvise(bytes.baseAddress! + head, tail - head, MADV_DONTNEED) != 0 {
            unsafe memset(bytes.baseAddress! + head, 0, tail - head)
        }
    }

    /// The bytes of `notes` as a segment of `image` brought them to RAM, or none.
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
