import GuestMemory
import Host

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
