/// Choices for loading files into the guest's memory. The guest sees no difference but the time that loading
/// takes, except that an unpacked kernel is not moved to a random address.
public struct LoadPolicy: Equatable, Sendable {
    /// The treatment of whole pages of a file.
    public enum Pages: Equatable, Sendable {
        /// Map the pages from the page cache, private: they are read on first access and copied on first
        /// write.
        case map
        /// Read the pages into RAM.
        case copy
    }

    /// The treatment of a compressed kernel.
    public enum Compressed: Equatable, Sendable {
        /// Unpack the kernel, if vmm can, and enter it. The kernel then lies at the address that it was
        /// linked to: the code that moves a kernel to a random address (KASLR) is part of the kernel's own
        /// decompressor.
        case unpack
        /// Load a bzImage as it is. It unpacks itself in the guest.
        case enter
    }

    /// The entry to use if a kernel has both.
    public enum Entry: Equatable, Sendable {
        /// PVH if the kernel has the ELF note, otherwise the 64-bit boot protocol.
        case pvh
        /// Always the 64-bit boot protocol.
        case linux64
    }

    public var kernelPages: Pages
    public var initramfsPages: Pages
    public var compressed: Compressed
    public var entry: Entry
    /// Whether to load an ELF file that does not look like a kernel.
    public var allowsAnyKernel: Bool

    public init(
        kernelPages: Pages = .map, initramfsPages: Pages = .map, compressed: Compressed = .unpack,
        entry: Entry = .pvh, allowsAnyKernel: Bool = false
    ) {
        self.allowsAnyKernel = allowsAnyKernel
        self.kernelPages = kernelPages
        self.initramfsPages = initramfsPages
        self.compressed = compressed
        self.entry = entry
    }
}
