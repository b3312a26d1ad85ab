import GuestMemory
import Host
import Layout

/// The kernel's command line.
enum KernelCommandLine {
    /// What a kernel takes that does not say so: Linux' COMMAND_LINE_SIZE on x86, without the zero at the end.
    static let defaultByteCount: UInt64 = 2047

    /// Writes `text` and a zero to its place.
    static func write(_ text: String, limit: UInt64, into memory: GuestMemory) throws(Failure) {
        let limit = min(limit, Layout.commandLineRoom - 1)
        var bytes = Array(text.utf8)
        guard UInt64(bytes.count) <= limit else {
            throw Failure(
                .usage, "cannot pass the command line to the kernel",
                because: "it has \(bytes.count) bytes, and the kernel takes at most \(limit)",
                cure: "Shorten what --cmdline and --append give.")
        }
        guard !bytes.contains(0) else {
            throw Failure(
                .usage, "cannot pass the command line to the kernel", because: "it contains a zero byte")
        }
        bytes.append(0)
        try memory.place(bytes, at: Layout.commandLine)
    }

    /// The words that tell a kernel without ACPI of its virtio-mmio devices (Linux,
    /// Documentation/admin-guide/kernel-parameters.txt, "virtio_mmio.device=").
    static func words(for devices: [MachineDescription.VirtioDevice]) -> String {
        devices.map { device in
            let base = "0x" + String(device.window.start.rawValue, radix: 16)
            return "virtio_mmio.device=\(device.window.byteCount)@\(base):\(device.gsi)"
        }.joined(separator: " ")
    }
}
