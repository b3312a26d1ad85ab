import GuestMemory
import Host
import Layout

/// A kernel file that was opened and recognized: an ELF program, a bzImage, or an ELF program in a compressed
/// file.
struct KernelImage: ~Copyable {
    let file: InputFile
    let prefix: ImageBytes
    let format: KernelFormat

    init(_ file: consuming InputFile) throws(Failure) {
        let prefix = try file.bytes(at: 0, byteCount: KernelFormat.prefixByteCount)
        try self.init(file, prefix: prefix)
    }

    /// Recognizes `file`. `prefix` is the beginning of the file.
    init(_ file: consuming InputFile, prefix: ImageBytes) throws(Failure) {
        format = try KernelFormat(prefix, of: file)
        self.prefix = prefix
        self.file = file
    }

    /// Loads the kernel into `memory`, which must be unused above 1 MiB.
    func load(into memory: GuestMemory, _ policy: LoadPolicy) throws(Failure) -> LoadedKernel {
        switch format {
        case .elf: try loadELF(into: memory, policy)
        case .bzImage(let header): try loadBzImage(header, into: memory, policy)
        case .compressed(let codec): try loadCompressed(codec, into: memory, policy)
        }
    }
}

/// A kernel in the guest's memory.
struct LoadedKernel {
    enum Entry: Equatable {
        case pvh(GuestAddress)
        case linux64(GuestAddress)
    }

    let entry: Entry
    /// The places of the bytes that came from the file.
    let contents: [GuestRange]
    /// The first address above 1 MiB that the kernel does not need for its start.
    let end: GuestAddress
    /// The setup header, if the kernel came in a bzImage.
    let header: SetupHeader?
    /// What the kernel can do with the ACPI tables, as far as its file shows.
    var acpi = ACPISupport.complete
}

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

extension KernelImage {
    /// Unpacks a bzImage and enters the kernel in it. If vmm cannot unpack it, loads it as it is, so that it
    /// unpacks itself.
    func loadBzImage(
        _ header: SetupHeader, into memory: GuestMemory, _ policy: LoadPolicy
    ) throws(Failure) -> LoadedKernel {
        // Memtest86+ and similar programs have the header but no payload. They are entered as they are.
        if policy.compressed == .unpack, header.payload.byteCount > 0 {
            let packed = try PackedKernel(payloadOf: header, in: file)
            if let kernel = try packed.load(into: memory, policy, header) { return kernel }
        }
        return try loadAsItIs(header, into: memory, policy)
    }

    /// Unpacks a compressed vmlinux. Throws if that fails, because a vmlinux cannot unpack itself.
    func loadCompressed(
        _ codec: Codec, into memory: GuestMemory, _ policy: LoadPolicy
    ) throws(Failure) -> LoadedKernel {
        if case .foreign(let name) = codec {
            throw file.refused("it is compressed with \(name)", cure: "Unpack it first.")
        }
        if let kernel = try PackedKernel(file, codec).load(into: memory, policy, nil) { return kernel }
        throw file.refused(
            "unpacked it needs more memory than the guest's \(memory.byteCount >> 20) MiB",
            cure: "Give the guest more with --memory, or unpack the kernel first.")
    }

    /// Loads the protected-mode code at its preferred address. Its 64-bit entry is 0x200 bytes after the
    /// start (Linux x86 boot protocol, "64-bit Boot Protocol").
    private func loadAsItIs(
        _ header: SetupHeader, into memory: GuestMemory, _ policy: LoadPolicy
    ) throws(Failure) -> LoadedKernel {
        let start = header.preferredAddress
        let codeByteCount = file.byteCount - header.codeOffset
        let needed = max(header.initByteCount, codeByteCount)
        guard start >= Layout.extendedMemory, let end = start.advanced(by: needed),
            end.rawValue <= GuestMemory.holeStart, codeByteCount > Self.entryOffset
        else {
            throw file.refused(
                "its setup header asks for \(needed) bytes at \(start), where there is no room")
        }
        guard end.rawValue <= memory.low.range.byteCount else {
            throw KernelSource(complaint: file.complaint, byteCount: file.byteCount, isPayload: false)
                .tooLarge(endingAt: end, for: memory)
        }
        try memory.load(
            GuestRange(start: start, byteCount: codeByteCount), from: file, fileOffset: header.codeOffset,
            policy.kernelPages)
        let entry = GuestAddress(start.rawValue + Self.entryOffset)
        // The compressed payload contains no string to search for.
        return LoadedKernel(entry: .linux64(entry), contents: [], end: end, header: header)
    }

    private static var entryOffset: UInt64 { 0x200 }
}
