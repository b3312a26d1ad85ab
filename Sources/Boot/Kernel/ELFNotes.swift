import GuestMemory
import Host

/// The notes of a PT_NOTE segment (ELF-64 Object File Format 1.5, 8 "Note Section").
enum ELFNotes {
    /// The largest number of bytes that are read; a kernel has a kilobyte of notes.
    static let byteLimit: UInt64 = 0x1_0000
    /// XEN_ELFNOTE_PHYS32_ENTRY: the 32-bit entry of the x86/HVM direct boot ABI.
    private static let physicalEntry: UInt32 = 18

    /// Adds the contents of `notes` to `found`, unchecked. The descriptor of a PVH entry has 4 bytes or 8.
    static func read(_ notes: ImageBytes, alignment: UInt64, into found: inout KernelNotes) {
        let mask: UInt64 = alignment == 8 ? 7 : 3
        var offset: UInt64 = 0
        while let nameByteCount = notes.load(UInt32.self, at: offset),
            let byteCount = notes.load(UInt32.self, at: offset &+ 4),
            let type = notes.load(UInt32.self, at: offset &+ 8)
        {
            // No overflow: the notes have at most 64 KiB, and the two counts have 32 bits.
            let name = offset &+ 12
            let descriptor = (name &+ UInt64(nameByteCount) &+ mask) & ~mask
            if type == physicalEntry, nameByteCount == 4, notes.has("Xen\0", at: Int(name)) {
                found.hasPVHNote = true
                found.pvhEntry = found.pvhEntry ?? entry(notes, at: descriptor, byteCount: byteCount)
            } else if nameByteCount == 6, notes.has("Linux\0", at: Int(name)) {
                found.isLinux = true
            }
            offset = (descriptor &+ UInt64(byteCount) &+ mask) & ~mask
        }
    }

    private static func entry(_ notes: ImageBytes, at offset: UInt64, byteCount: UInt32) -> GuestAddress? {
        switch byteCount {
        case 4: notes.load(UInt32.self, at: offset).map { GuestAddress(UInt64($0)) }
        case 8: notes.load(UInt64.self, at: offset).map { GuestAddress($0) }
        default: nil
        }
    }
}

/// Facts about a kernel, from the notes of its ELF file.
struct KernelNotes: Equatable {
    /// The address in a XEN_ELFNOTE_PHYS32_ENTRY, unchecked.
    var pvhEntry: GuestAddress?
    /// Whether there is a XEN_ELFNOTE_PHYS32_ENTRY.
    var hasPVHNote = false
    /// Whether there is a note named "Linux", which Linux' build adds since 4.19 (LINUX_ELFNOTE_BUILD_SALT).
    var isLinux = false

    init() {}

    /// Reads the notes of `image`. `read` returns the bytes of a segment, possibly fewer than it has.
    init(
        of image: ELFImage, _ read: (ELFImage.Notes) throws(Failure) -> ImageBytes
    ) throws(Failure) {
        for notes in image.notes { ELFNotes.read(try read(notes), alignment: notes.alignment, into: &self) }
    }
}
