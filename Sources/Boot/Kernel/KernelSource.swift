import Host

/// The source of an ELF kernel, for its failures: a file, or the payload of one.
struct KernelSource {
    /// The beginning of its failures: "cannot use the kernel /boot/vmlinuz".
    let complaint: String
    /// The size of the ELF file, or the largest possible size if it is not known yet.
    let byteCount: UInt64
    /// Whether the file is unpacked from another one. A message must not call such a file "it".
    let isPayload: Bool

    static let cure = "Use an x86-64 Linux kernel: vmlinux or bzImage."

    func refused(_ why: String, cure: String? = nil) -> Failure {
        Failure(
            .badInput, complaint, because: isPayload ? "what it unpacks to is unusable: \(why)" : why,
            cure: cure)
    }

    func truncated(_ why: String) -> Failure {
        refused("\(why): it is truncated", cure: "Build, copy or download the kernel again.")
    }

    func foreign(_ machine: String) -> Failure {
        refused("it is a kernel for \(machine)", cure: "Use a kernel for x86-64.")
    }
}
