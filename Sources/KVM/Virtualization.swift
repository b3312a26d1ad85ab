import CKVM

/// What lies under this host's /dev/kvm.
public enum Virtualization: String, Sendable {
    /// Intel VMX through kvm_intel.
    case vmx
    /// AMD SVM through kvm_amd.
    case svm
    /// No hardware virtualization: KVM emulates guest code at CPL 0, and no ordinary Linux reaches its user space.
    case none

    /// What this host has. A CPU's own word is not enough: another module than that CPU's may serve /dev/kvm.
    public static func ofThisHost() -> Virtualization {
        switch ckvm_cpu_virtualization() {
        case 1 where isLoaded("/sys/module/kvm_intel"): .vmx
        case 2 where isLoaded("/sys/module/kvm_amd"): .svm
        default: .none
        }
    }

    /// Whether this host is a virtual machine itself, so that guests of its own are nested.
    public static var isNested: Bool { ckvm_cpu_is_virtual() != 0 }

    /// Without a /sys there is nothing to ask, and the CPU's word must do.
    private static func isLoaded(_ module: String) -> Bool {
        unsafe access(module, F_OK) == 0 || access("/sys/module", F_OK) != 0
    }
}
