import GuestMemory
import Host

/// A driver that a kernel may have built in. It is recognized by the strings with which it registers: a
/// kernel's image has no such strings of a driver that is a module.
public enum BuiltInDriver: Sendable, CaseIterable {
    /// The virtio console and the transport on which the kernel finds it. Distributions often build in only
    /// one of the two.
    case virtioConsole
    /// The boot consoles of `earlyprintk=`.
    case earlyPrintk

    /// The strings that the kernel must have, each possibly as part of a longer one.
    var strings: [StaticString] {
        switch self {
        // The driver of drivers/virtio/virtio_mmio.c and the class of drivers/char/virtio_console.c.
        case .virtioConsole: ["virtio-mmio", "virtio-ports"]
        // The word on the command line (arch/x86/kernel/early_printk.c).
        case .earlyPrintk: ["earlyprintk"]
        }
    }

    /// The section in which Linux keeps the strings.
    var section: StaticString {
        switch self {
        case .virtioConsole: ".rodata"
        case .earlyPrintk: ".init.data"
        }
    }
}

extension KernelImage {
    /// Returns whether `kernel`, which was loaded from this file, has `driver` built in.
    func has(
        _ driver: BuiltInDriver, in kernel: LoadedKernel, _ memory: GuestMemory
    ) throws(Failure) -> Bool {
        // One section is a small part of a kernel, and a search of the whole kernel takes as long as loading
        // it.
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

    /// Returns the place of the section `name` in the file; nil if there is none, or if the kernel is
    /// compressed.
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
