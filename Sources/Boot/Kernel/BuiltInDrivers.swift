import GuestMemory
import Host

/// A driver that a kernel may have built in. It is known by strings that it registers with: a driver that is a module has
/// none in the kernel's image.
public enum BuiltInDriver: Sendable, CaseIterable {
    /// The virtio console and the transport that it is found through. Distributions often build in one of the two.
    case virtioConsole
    /// The boot consoles of `earlyprintk=`.
    case earlyPrintk

    /// All of these strings are there. Each may be a part of a longer one.
    var strings: [StaticString] {
        switch self {
        // The driver of drivers/virtio/virtio_mmio.c and the class of drivers/char/virtio_console.c.
        case .virtioConsole: ["virtio-mmio", "virtio-ports"]
        // The word on the command line (arch/x86/kernel/early_printk.c).
        case .earlyPrintk: ["earlyprintk"]
        }
    }

    /// The section that Linux keeps these strings in.
    var section: StaticString {
        switch self {
        case .virtioConsole: ".rodata"
        case .earlyPrintk: ".init.data"
        }
    }
}

extension KernelImage {
    /// Whether `kernel`, which was loaded from this file, has `driver` built in.
    func has(
        _ driver: BuiltInDriver, in kernel: LoadedKernel, _ memory: GuestMemory
    ) throws(Failure) -> Bool {
        // One section is a small part of a kernel, and to look at all of it takes as long as to load it.
        let section = try range(of: driver.section)
        for string in driver.strings {
            let isThere =
                if let section {
                    try fileHolds(string, in: section)
                } else {
                    kernel.contents.contains {
                        unsafe UnsafeRawBufferPointer(memory.hostBytes($0)).holds(string)
                    }
                }
            if !isThere { return false }
        }
        return true
    }

    /// Where the section called `name` lies in the file; nil where it has none, or is packed.
    private func range(of name: StaticString) throws(Failure) -> Range<UInt64>? {
        guard case .elf = format else { return nil }
        return try ELFSections(of: self)?.range(of: name, upTo: file.byteCount)
    }

    private func fileHolds(_ pattern: StaticString, in range: Range<UInt64>) throws(Failure) -> Bool {
        let pieceByteCount: UInt64 = 64 << 10
        let overlap = UInt64(pattern.utf8CodeUnitCount) - 1
        // The range ends within the file, whose size is an Int64.
        var start = range.lowerBound
        while start < range.upperBound {
            let count = Int(min(pieceByteCount + overlap, range.upperBound - start))
            let piece = try file.bytes(at: start, byteCount: count)
            if unsafe piece.bytes.withUnsafeBytes({ unsafe $0.holds(pattern) }) { return true }
            start += pieceByteCount
        }
        return false
    }
}
