import Host

/// What an ELF kernel is read from, for its failures: a file, or the payload of one.
struct KernelSource {
    /// "cannot use the kernel /boot/vmlinuz".
    let complaint: String
    /// How long the ELF file is, or all that there can be if it is not known yet.
    let byteCount: UInt64
    /// The file is unpacked from another one; then it is no use to say "it".
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
