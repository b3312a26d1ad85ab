import CKVM
public import Host

/// The hardware virtualization behind this host's /dev/kvm.
public enum Virtualization: String, Sendable {
    /// Intel VMX through kvm_intel.
    case vmx
    /// AMD SVM through kvm_amd.
    case svm
    /// None: KVM emulates guest code at CPL 0, and no ordinary Linux reaches its user space.
    case none

    /// Detects this host's hardware virtualization. CPUID alone is not enough: /dev/kvm may belong to a
    /// module other than that of the CPU's vendor.
    public static func ofThisHost() -> Virtualization {
        switch ckvm_cpu_virtualization() {
        case 1 where isLoaded("/sys/module/kvm_intel"): .vmx
        case 2 where isLoaded("/sys/module/kvm_amd"): .svm
        default: .none
        }
    }

    /// Whether this host is a virtual machine itself, so that its guests are nested.
    public static var isNested: Bool { ckvm_cpu_is_virtual() != 0 }

    /// Whether the module is loaded. Without /sys the answer is yes, because CPUID is then the only source.
    private static func isLoaded(_ module: String) -> Bool {
        unsafe access(module, F_OK) == 0 || access("/sys/module", F_OK) != 0
    }
}

extension KVMSystem {
    /// Throws unless this host runs ordinary kernels. `vmm boot` calls it before anything else.
    public func requireHardwareVirtualization() throws(Failure) {
        guard Virtualization.ofThisHost() == .none else { return }
        throw Failure(
            .unavailable, "cannot boot a kernel on this host's KVM",
            because: "there is no hardware virtualization under it (neither VMX nor SVM)",
            cure:
                "Use a host that has it or offers nested virtualization; --allow-emulation runs tiny guests.")
    }
}
