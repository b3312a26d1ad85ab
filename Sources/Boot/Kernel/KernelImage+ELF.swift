import GuestMemory
import Host

extension KernelImage {
    func loadELF(into memory: GuestMemory, _ policy: LoadPolicy) throws(Failure) -> LoadedKernel {
        let source = KernelSource(complaint: file.complaint, byteCount: file.byteCount, isPayload: false)
        let image = try ELFImage(prefix, of: source, in: memory) {
            (offset, byteCount) throws(Failure) in
            if let table = prefix.slice(at: offset, byteCount: UInt64(byteCount)) { return table }
            return try file.bytes(at: offset, byteCount: byteCount)
        }
        for segment in image.segments {
            // Memory is zero before the guest runs, so a .bss needs no work.
            try memory.load(
                segment.fileRange, from: file, fileOffset: segment.fileOffset, policy.kernelPages)
        }
        let notes = try KernelNotes(of: image) {
            (notes) throws(Failure) in
            try file.bytes(at: notes.fileOffset, byteCount: Int(min(notes.fileByteCount, ELFNotes.byteLimit)))
        }
        let content = try memory.identify(image, notes, of: source, policy)
        return LoadedKernel(
            entry: image.entry(policy.entry, notes), contents: image.contents, end: image.end, header: nil,
            acpi: content.acpi)
    }
}

extension ELFImage {
    /// Returns the entry that `policy` selects.
    func entry(_ policy: LoadPolicy.Entry, _ notes: KernelNotes) -> LoadedKernel.Entry {
        // A note with an unusable address does not rule out the other entry.
        guard policy == .pvh, let found = notes.pvhEntry, segments.contains(where: { $0.holds(found) }) else {
            return .linux64(entry)
        }
        return .pvh(found)
    }
}

extension GuestMemory {
    /// Loads bytes of a file into `range`, which is RAM. The rest of the range's first and last page stays
    /// unchanged.
    ///
    /// Whole pages of the file that coincide with whole pages of RAM are mapped, if `pages` is `.map` and no
    /// other user may change the file. All other bytes are copied.
    func load(
        _ range: GuestRange, from file: borrowing InputFile, fileOffset: UInt64, _ pages: LoadPolicy.Pages
    ) throws(Failure) {
        let mask = Self.pageByteCount - 1
        // No overflow: the offset lies within the file.
        let fileOffset = file.start &+ fileOffset
        let start = range.start.rawValue
        let end = start + range.byteCount
        let firstPage = (start + mask) & ~mask
        let lastPage = end & ~mask
        guard pages == .map, file.isSettled, start & mask == fileOffset & mask, firstPage < lastPage else {
            if range.start < low.range.end! { expectWrites(to: range) }
            return try copy(start, to: end, from: file, fileOffset: fileOffset)
        }
        let whole = GuestRange(start: GuestAddress(firstPage), byteCount: lastPage - firstPage)
        try map(file.descriptor.rawValue, fileOffset: fileOffset + (firstPage - start), over: whole)
        try copy(start, to: firstPage, from: file, fileOffset: fileOffset)
        try copy(lastPage, to: end, from: file, fileOffset: fileOffset + (lastPage - start))
    }

    private func copy(
        _ start: UInt64, to end: UInt64, from file: borrowing InputFile, fileOffset: UInt64
    ) throws(Failure) {
        guard start < end else { return }
        try fill(
            GuestRange(start: GuestAddress(start), byteCount: end - start), from: file.descriptor.rawValue,
            fileOffset: fileOffset)
    }
}
