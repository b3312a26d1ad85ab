import Glibc
import GuestMemory
import Host
import SystemPackage

/// A compressed ELF kernel in a file, mapped to be read by a decompressor.
///
/// The kernel is unpacked directly into the guest's RAM, to the lowest address from which every segment only
/// has to move down to its place. Most of a Linux kernel is then in place already. The monitor allocates no
/// memory except the decompressor's own state.
struct PackedKernel: ~Copyable {
    private let mapping: MappedRegion
    private let range: Range<Int>
    private let codec: Codec
    private let complaint: String
    /// The size of the ELF file according to the payload's trailer.
    private let claimedByteCount: UInt64

    /// Maps the whole of `file`.
    init(_ file: borrowing InputFile, _ codec: Codec) throws(Failure) {
        try self.init(file, 0..<file.byteCount, codec, claimedByteCount: .max)
    }

    /// Maps the payload of a bzImage. Its last four bytes are the unpacked size. In gzip these bytes are part
    /// of the format; the kernel's build appends them to the other formats.
    init(payloadOf header: SetupHeader, in file: borrowing InputFile) throws(Failure) {
        let (start, byteCount) = header.payload
        let (end, overflow) = start.addingReportingOverflow(byteCount)
        guard !overflow, end <= file.byteCount else { throw SetupHeader.truncated(file) }
        let trailer = try file.bytes(at: end &- min(4, end), byteCount: 4)
        guard byteCount > 4, let claimed = trailer.load(UInt32.self, at: 0) else {
            throw file.refused("its setup header names no payload")
        }
        let codec =
            Codec(magicOf: try file.bytes(at: start, byteCount: 6)) ?? .foreign("nothing that is known")
        try self.init(
            file, start..<(codec == .gzip ? end : end - 4), codec, claimedByteCount: UInt64(claimed))
    }

    private init(
        _ file: borrowing InputFile, _ range: Range<UInt64>, _ codec: Codec, claimedByteCount: UInt64
    ) throws(Failure) {
        guard let byteCount = Int(exactly: file.byteCount) else { throw file.refused("it is absurdly large") }
        // A section of a file need not begin at a page boundary.
        let skew = Int(file.start & (GuestMemory.pageByteCount - 1))
        mapping = try Self.view(of: file, skew, byteCount)
        // No overflow: the range lies within the file, whose size is an Int.
        self.range = skew + Int(range.lowerBound)..<skew + Int(range.upperBound)
        self.codec = codec
        self.claimedByteCount = claimedByteCount
        complaint = file.complaint
    }

    /// Maps the bytes of `file`, after `skew` other bytes. Copies them instead if another user may cut the
    /// file off meanwhile.
    private static func view(
        of file: borrowing InputFile, _ skew: Int, _ byteCount: Int
    ) throws(Failure) -> MappedRegion {
        let mapping: MappedRegion
        do throws(Errno) {
            mapping = try MappedRegion(
                descriptor: file.isSettled ? file.descriptor.rawValue : -1, byteCount: skew + byteCount,
                protection: file.isSettled ? PROT_READ : PROT_READ | PROT_WRITE,
                flags: file.isSettled ? MAP_PRIVATE : MAP_PRIVATE | MAP_ANONYMOUS,
                offset: file.isSettled ? Int(file.start) - skew : 0)
        } catch {
            throw Failure(file.complaint, errno: error)
        }
        if !file.isSettled {
            // The bytes of a file that was cut off read as zero, which the decompressor finds damaged.
            _ = unsafe try file.read(
                into: UnsafeMutableRawBufferPointer(start: mapping.base + skew, count: byteCount), at: 0)
        }
        return mapping
    }

    /// Unpacks the kernel. Returns nil if vmm cannot: the compression is not supported, or there is too
    /// little memory.
    func load(
        into memory: GuestMemory, _ policy: LoadPolicy, _ header: SetupHeader?
    ) throws(Failure) -> LoadedKernel? {
        if case .foreign = codec { return nil }
        let source = KernelSource(complaint: complaint, byteCount: claimedByteCount, isPayload: true)
        let image = try examine(for: source, in: memory)
        guard let stage = Stage(for: image, byteCount: claimedByteCount, in: memory) else { return nil }
        try unpack(image, of: source, into: stage, memory)
        let notes = try KernelNotes(of: image) {
            (notes) throws(Failure) in
            try memory.loaded(notes, of: image)
        }
        // A bzImage is Linux, according to its setup header.
        let content = header == nil ? try memory.identify(image, notes, of: source, policy) : .kernel
        return LoadedKernel(
            entry: image.entry(policy.entry, notes), contents: image.contents, end: image.end, header: header,
            acpi: content.acpi)
    }

    /// Unpacks the beginning of the kernel, on which all decisions are based, and lays the kernel out.
    private func examine(for source: KernelSource, in memory: GuestMemory) throws(Failure) -> ELFImage {
        let prefix: ImageBytes
        do throws(CodecError) {
            prefix = ImageBytes(
                bytes: unsafe try codec.prefix(of: input, byteCount: KernelFormat.prefixByteCount))
        } catch {
            throw failure(error)
        }
        guard prefix.has([0x7F, 0x45, 0x4C, 0x46]) else {
            throw source.refused("it is not an ELF file", cure: KernelSource.cure)
        }
        return try ELFImage(prefix, of: source, in: memory) {
            (offset, byteCount) throws(Failure) in
            guard let table = prefix.slice(at: offset, byteCount: UInt64(byteCount)) else {
                throw source.refused("its program headers are not at its beginning")
            }
            return table
        }
    }

    private func unpack(
        _ image: ELFImage, of source: KernelSource, into stage: Stage, _ memory: GuestMemory
    ) throws(Failure) {
        let needed = min(image.fileEnd, stage.range.byteCount)
        memory.expectWrites(to: GuestRange(start: stage.range.start, byteCount: needed))
        let byteCount: Int
        do throws(CodecError) {
            byteCount = unsafe try codec.unpack(input, into: memory.hostBytes(stage.range))
        } catch {
            throw failure(error)
        }
        guard byteCount >= image.fileEnd else { throw source.truncated("it ends before its segments do") }
        stage.settle(image, in: memory)
    }

    private var input: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: mapping.base + range.lowerBound, count: range.count)
    }

    private func failure(_ error: CodecError) -> Failure {
        let why =
            switch error {
            case .truncated: "what it unpacks to is cut off: it is truncated"
            case .damaged: "it cannot be unpacked: its compressed data are damaged"
            case .tooLarge: "it unpacks to more than it says, or than there is memory for"
            case .outOfMemory: "unpacking it needs more memory than there is"
            }
        return Failure(
            .badInput, complaint, because: why, cure: "Build, copy or download the kernel again.")
    }
}
