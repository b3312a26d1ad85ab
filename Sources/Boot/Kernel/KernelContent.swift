import GuestMemory
import Host

/// The kind of an ELF file, by more than its headers.
enum KernelContent: Equatable {
    /// A kernel by its notes, or a file that the user insists on.
    case kernel
    /// Linux without a PVH note.
    case linux
    /// Linux without a PVH note and without ACPI.
    case linuxWithoutACPI
    /// Linux without a PVH note and without PCI. Its ACPI finds no devices.
    case linuxWithoutPCI

    var acpi: ACPISupport {
        switch self {
        case .kernel, .linux: .complete
        case .linuxWithoutACPI: .none
        case .linuxWithoutPCI: .findsNoDevices
        }
    }
}

extension GuestMemory {
    /// Identifies `image`, whose segments are in memory. A kernel with a PVH note is not searched. Throws if
    /// the file does not look like a kernel: started, it would end in a triple fault or, worse, hang
    /// silently.
    func identify(
        _ image: ELFImage, _ notes: KernelNotes, of source: KernelSource, _ policy: LoadPolicy
    ) throws(Failure) -> KernelContent {
        if notes.hasPVHNote { return .kernel }
        if isLinux(image) { return linux(in: image) }
        if notes.isLinux || policy.allowsAnyKernel { return .kernel }
        throw source.refused(
            image.wantsInterpreter
                ? "it is a Linux program, not a kernel"
                : "it is an ELF program, but neither a PVH note nor Linux' version says that it is a kernel",
            cure: "\(KernelSource.cure) --allow-any-kernel enters it all the same.")
    }

    private func linux(in image: ELFImage) -> KernelContent {
        // Code that looks for the ACPI tables contains the signature of the RSDP.
        guard holds(BytePattern("RSD PTR "), in: image) else { return .linuxWithoutACPI }
        // The class of devices that drivers/pci/probe.c registers.
        return holds(BytePattern("pci_bus"), in: image) { $0 == 0 } ? .linux : .linuxWithoutPCI
    }

    /// Whether the kernel has the banner that Linux prints first, "Linux version 6.1.0". Without PVH, it is
    /// the only mark that kernels of all versions have.
    private func isLinux(_ image: ELFImage) -> Bool {
        let banner = BytePattern("Linux version ")
        return holds(banner, in: image) { (0x30...0x39).contains($0) }
    }

    /// Whether `pattern` lies in the file's part of a segment, followed by a byte that `accept` accepts.
    private func holds(
        _ pattern: BytePattern, in image: ELFImage, before accept: (UInt8) -> Bool = { _ in true }
    ) -> Bool {
        image.segments.contains { segment in
            // The guest does not run yet, so these bytes do not change.
            let bytes = unsafe UnsafeRawBufferPointer(hostBytes(segment.fileRange))
            var start = 0
            while let end = unsafe pattern.end(in: bytes, from: start), end < bytes.count {
                if unsafe accept(bytes[end]) { return true }
                start = end
            }
            return false
        }
    }
}

/// A text to find in many megabytes, most of which the search skips (Horspool's algorithm).
struct BytePattern {
    private let bytes: [UInt8]
    /// The distance to the next place to compare, by the byte that lies under the pattern's last byte.
    private var distances: [Int]

    init(_ text: String) {
        bytes = Array(text.utf8)
        distances = [Int](repeating: bytes.count, count: 256)
        for (index, byte) in bytes.dropLast().enumerated() { distances[Int(byte)] = bytes.count - 1 - index }
    }

    /// Returns the end of the first occurrence at or after `start`; nil if there is none.
    func end(in text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var end = start + bytes.count
        while end <= text.count {
            let last = unsafe text[end - 1]
            if last == bytes[bytes.count - 1],
                unsafe text[(end - bytes.count)..<end].elementsEqual(bytes)
            {
                return end
            }
            end += distances[Int(last)]
        }
        return nil
    }
}
