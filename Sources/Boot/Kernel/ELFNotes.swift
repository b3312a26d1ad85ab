import GuestMemory

/// The notes of a PT_NOTE segment (ELF-64 Object File Format 1.5, 8 "Note Section").
enum ELFNotes {
    /// A kernel has a kilobyte of them.
    static let byteLimit: UInt64 = 0x1_0000
    /// XEN_ELFNOTE_PHYS32_ENTRY: the 32-bit entry of the x86/HVM direct boot ABI.
    private static let physicalEntry: UInt32 = 18

    /// The PVH entry, if a note names one; it is not checked. The descriptor has 4 bytes or 8.
    static func pvhEntry(in notes: ImageBytes, alignment: UInt64) -> GuestAddress? {
        let mask: UInt64 = alignment == 8 ? 7 : 3
        var offset: UInt64 = 0
        while let nameByteCount = notes.load(UInt32.self, at: offset),
            let byteCount = notes.load(UInt32.self, at: offset &+ 4),
            let type = notes.load(UInt32.self, at: offset &+ 8)
        {
            // At most 64 KiB of notes and two 32-bit counts: 64 bits cannot overflow.
            let name = offset &+ 12
            let descriptor = (name &+ UInt64(nameByteCount) &+ mask) & ~mask
            if type == physicalEntry, nameByteCount == 4, notes.has("Xen\0", at: Int(name)) {
                return entry(notes, at: descriptor, byteCount: byteCount)
            }
            offset = (descriptor &+ UInt64(byteCount) &+ mask) & ~mask
        }
        return nil
    }

    private static func entry(_ notes: ImageBytes, at offset: UInt64, byteCount: UInt32) -> GuestAddress? {
        switch byteCount {
        case 4: notes.load(UInt32.self, at: offset).map { GuestAddress(UInt64($0)) }
        case 8: notes.load(UInt64.self, at: offset).map { GuestAddress($0) }
        default: nil
        }
    }
}
