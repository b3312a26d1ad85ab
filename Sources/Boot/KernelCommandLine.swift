import GuestMemory
import Host
import Layout

/// Writes the kernel's command line.
enum KernelCommandLine {
    /// The limit for a kernel that declares none: Linux' COMMAND_LINE_SIZE on x86, without the zero at the
    /// end.
    static let defaultByteCount: UInt64 = 2047

    /// Writes `text` and a zero to the command line's place in guest memory.
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

    /// Returns the parameters with which a kernel without ACPI finds its virtio-mmio devices (Linux,
    /// Documentation/admin-guide/kernel-parameters.txt, "virtio_mmio.device=").
    static func parameters(for devices: [MachineDescription.VirtioDevice]) -> String {
        devices.map { device in
            let base = "0x" + String(device.window.start.rawValue, radix: 16)
            return "virtio_mmio.device=\(device.window.byteCount)@\(base):\(device.gsi)"
        }.joined(separator: " ")
    }
}
