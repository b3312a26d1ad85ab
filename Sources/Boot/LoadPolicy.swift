/// How things are brought into the guest's memory: choices that the guest cannot see but in how long it takes.
public struct LoadPolicy: Equatable, Sendable {
    /// What happens to whole pages of a file.
    public enum Pages: Equatable, Sendable {
        /// They are mapped from the page cache, private: read when touched, copied when written to.
        case map
        /// They are read into RAM.
        case copy
    }

    /// What happens to a compressed kernel.
    public enum Compressed: Equatable, Sendable {
        /// We unpack it where we can, and enter the kernel in it. It then lies where it was linked to: the code that
        /// moves it to a random address (KASLR) is part of what unpacks it otherwise.
        case unpack
        /// A bzImage is loaded as it is and unpacks itself in the guest.
        case enter
    }

    /// Which entry of a kernel that has both is taken.
    public enum Entry: Equatable, Sendable {
        /// PVH where the ELF note is there, otherwise the 64-bit boot protocol.
        case pvh
        /// Always the 64-bit boot protocol.
        case linux64
    }

    public var kernelPages: Pages
    public var initramfsPages: Pages
    public var compressed: Compressed
    public var entry: Entry
    /// Whether an ELF file is taken that does not look like a kernel.
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
