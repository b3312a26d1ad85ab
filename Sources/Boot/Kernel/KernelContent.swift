import GuestMemory
import Host

/// What an ELF file seems to be, by more than its headers.
enum KernelContent: Equatable {
    /// A kernel by its notes, or one that the user insists on.
    case kernel
    /// Linux without a PVH note, with ACPI or without.
    case linux
    case linuxWithoutACPI
}

extension GuestMemory {
    /// Tells what `image` is, whose segments are in memory: nothing is looked at in a kernel that has a PVH note. Throws if
    /// nothing says that it is a kernel: it would end in a triple fault, or worse, in silence.
    func identify(
        _ image: ELFImage, _ notes: KernelNotes, of source: KernelSource, _ policy: LoadPolicy
    ) throws(Failure) -> KernelContent {
        if notes.hasPVHNote { return .kernel }
        // Code that looks for ACPI's tables has their pointer's signature.
        if isLinux(image) { return holds(BytePattern("RSD PTR "), in: image) ? .linux : .linuxWithoutACPI }
        if notes.isLinux || policy.allowsAnyKernel { return .kernel }
        throw source.refused(
            image.wantsInterpreter
                ? "it is a Linux program, not a kernel"
                : "it is an ELF program, but neither a PVH note nor Linux' version says that it is a kernel",
            cure: "\(KernelSource.cure) --allow-any-kernel enters it all the same.")
    }

    /// Whether the banner is there that Linux prints first, "Linux version 6.1.0": a kernel without PVH has no other mark that
    /// all versions have.
    private func isLinux(_ image: ELFImage) -> Bool {
        let banner = BytePattern("Linux version ")
        return holds(banner, in: image) { (0x30...0x39).contains($0) }
    }

    /// Whether `pattern` lies in the file's part of a segment, with a byte behind it that `accept` takes.
    private func holds(
        _ pattern: BytePattern, in image: ELFImage, before accept: (UInt8) -> Bool = { _ in true }
    ) -> Bool {
        image.segments.contains { segment in
            // The guest does not run yet: nobody changes these bytes.
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

/// A text that is looked for in many megabytes, most of which are skipped (Horspool's algorithm).
struct BytePattern {
    private let bytes: [UInt8]
    /// How far to go on where this byte lies under the pattern's last.
    private var distances: [Int]

    init(_ text: String) {
        bytes = Array(text.utf8)
        distances = [Int](repeating: bytes.count, count: 256)
        for (index, byte) in bytes.dropLast().enumerated() { distances[Int(byte)] = bytes.count - 1 - index }
    }

    /// Where the first occurrence at or behind `start` ends; nil if there is none.
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
