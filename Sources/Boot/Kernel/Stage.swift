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
