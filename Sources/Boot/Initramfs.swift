import GuestMemory
import Host

/// The initramfs: one or more archives in a row, each at an address that is a multiple of four, with zeroes
/// between them (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
struct Initramfs: ~Copyable {
    private var files: [File] = []
    /// The size from the first byte of the first file to the last byte of the last file.
    let byteCount: UInt64

    /// A file and its offset. It is a class because an array cannot hold noncopyable files.
    private final class File {
        let input: InputFile
        let offset: UInt64

        init(_ input: consuming InputFile, at offset: UInt64) {
            self.input = input
            self.offset = offset
        }
    }

    /// Opens the files at `paths`. They follow `first` and `second`, the archives that came with the kernel.
    init(
        _ paths: [String], after first: consuming InputFile? = nil, _ second: consuming InputFile? = nil
    ) throws(Failure) {
        var place = Place()
        if let first { files.append(try place.file(first)) }
        if let second { files.append(try place.file(second)) }
        for path in paths { files.append(try place.file(InputFile(path, as: "initramfs"))) }
        byteCount = place.end
    }

    /// The place of the next file.
    private struct Place {
        var end: UInt64 = 0

        mutating func file(_ input: consuming InputFile) throws(Failure) -> File {
            let (padded, overflow) = end.addingReportingOverflow(3)
            let start = padded & ~3
            let (next, overflowAgain) = start.addingReportingOverflow(input.byteCount)
            guard !overflow, !overflowAgain else { throw input.refused("it is absurdly large") }
            end = next
            return File(input, at: start)
        }
    }

    /// Loads all files into `memory`, as high as possible: below `limit` (the last address that may be used)
    /// and below the memory hole, but above `floor`. Returns the range, or nil if there are no files.
    func load(
        into memory: GuestMemory, above floor: GuestAddress, upTo limit: UInt64, _ pages: LoadPolicy.Pages
    ) throws(Failure) -> GuestRange? {
        guard let first = files.first else { return nil }
        let ceiling = min(memory.low.range.byteCount, limit == .max ? .max : limit + 1)
        let lowest = (floor.rawValue + 0xFFF) & ~0xFFF
        let (highest, below) = ceiling.subtractingReportingOverflow(byteCount)
        guard !below, highest & ~0xFFF >= lowest else {
            throw tooLarge(first.input, lowest, ceiling, memory)
        }
        let start = highest & ~0xFFF
        for file in files {
            try memory.load(
                GuestRange(start: GuestAddress(start + file.offset), byteCount: file.input.byteCount),
                from: file.input, fileOffset: 0, pages)
        }
        return GuestRange(start: GuestAddress(start), byteCount: byteCount)
    }

    private func tooLarge(
        _ first: borrowing InputFile, _ lowest: UInt64, _ ceiling: UInt64, _ memory: GuestMemory
    ) -> Failure {
        let (end, overflow) = lowest.addingReportingOverflow(byteCount)
        let size = MemorySize.mebibytes(byteCount)
        let room = ceiling > lowest ? (ceiling - lowest) >> 20 : 0
        // More memory helps only if the kernel accepts an initramfs at those addresses.
        let helps = !overflow && end <= GuestMemory.holeStart && ceiling == memory.low.range.byteCount
        return Failure(
            .badInput, first.complaint,
            because: files.count == 1
                ? "its \(size) MiB do not fit: beside the kernel there is room for \(room) MiB"
                : "with the others it has \(size) MiB, and beside the kernel there is room for \(room) MiB",
            cure: helps
                ? "Give the guest more: --memory \(MemorySize.suggestion(for: end))M."
                : "Make it smaller, or put the files on a disk.")
    }
}
