import CKVM
public import Host
import SystemPackage

/// The open /dev/kvm: the capabilities of this host's KVM, and the maker of VMs.
public final class KVMSystem: Sendable {
    /// The path of KVM's device.
    public static let path = "/dev/kvm"
    /// The only version of the interface since Linux 2.6.22 (KVM_GET_API_VERSION).
    public static let apiVersion: Int32 = 12

    let descriptor: OwnedDescriptor

    /// Opens /dev/kvm and checks its version.
    public init() throws(Failure) {
        let opened = try Self.open()
        try Self.checkVersion(of: opened)
        descriptor = opened
    }

    private static func checkVersion(of descriptor: borrowing OwnedDescriptor) throws(Failure) {
        let version = ckvm_ioctl(descriptor.rawValue, ckvm_GET_API_VERSION)
        guard version == apiVersion else {
            throw Failure(
                .unavailable, "cannot use \(path)",
                because: version < 0
                    ? "it is not KVM (\(Errno(rawValue: -version)))"
                    : "its interface has version \(version), and vmm needs \(apiVersion)")
        }
    }

    private static func open() throws(Failure) -> OwnedDescriptor {
        do throws(Errno) {
            return try OwnedDescriptor(opening: path, for: .readingAndWriting)
        } catch {
            throw cannotOpen(error)
        }
    }

    private static func cannotOpen(_ error: Errno) -> Failure {
        let what = "cannot open \(path)"
        switch error.rawValue {
        case ENOENT, ENODEV, ENXIO:
            return Failure(
                .unavailable, what, because: "this kernel offers no KVM",
                cure:
                    "Load it (modprobe kvm_intel or kvm_amd), turn virtualization on in the firmware, or ask "
                    + "for a host with nested virtualization. `vmm doctor` says more.")
        case EACCES, EPERM:
            return Failure(
                .notPermitted, what, because: "permission denied",
                cure: "Join the group that owns it: sudo usermod -aG kvm $USER, then log in again.")
        default: return Failure(what, errno: error)
        }
    }

    /// Returns the value of a capability, 0 if this KVM does not know it (KVM_CHECK_EXTENSION).
    public func value(of capability: KVMCapability) -> Int32 {
        max(0, ckvm_ioctl_value(descriptor.rawValue, ckvm_CHECK_EXTENSION, UInt(capability.rawValue)))
    }

    /// Returns the size in bytes of the memory that a vCPU shares with the kernel (KVM_GET_VCPU_MMAP_SIZE).
    func runAreaByteCount() throws(Failure) -> Int {
        Int(try kvmCall("cannot size a vCPU", ckvm_ioctl(descriptor.rawValue, ckvm_GET_VCPU_MMAP_SIZE)))
    }

    /// The number of bits of a guest-physical address: the host's number, of which KVM takes none away.
    public static var physicalAddressWidth: Int { Int(ckvm_physical_address_width()) }

    /// Makes a VM without memory, vCPUs or devices (KVM_CREATE_VM).
    public func makeVirtualMachine() throws(Failure) -> VirtualMachine {
        var result = ckvm_ioctl_value(descriptor.rawValue, ckvm_CREATE_VM, 0)
        // A signal that arrives while the kernel allocates makes the call fail with EINTR.
        while result == -EINTR { result = ckvm_ioctl_value(descriptor.rawValue, ckvm_CREATE_VM, 0) }
        let number = try kvmCall("cannot create a virtual machine", result)
        let vm = VirtualMachine(
            owning: OwnedDescriptor(owning: number), runAreaByteCount: try runAreaByteCount())
        vm.adoptHostTSCFrequency()
        return vm
    }

    /// Returns the CPU features that a guest may have on this host (KVM_GET_SUPPORTED_CPUID).
    public func supportedCPUID() throws(Failure) -> CPUIDTable {
        var capacity: UInt32 = 128
        while true {
            let table = CPUIDTable(capacity: capacity)
            let result = unsafe ckvm_ioctl_pointer(
                descriptor.rawValue, ckvm_GET_SUPPORTED_CPUID, table.storage)
            if result == -E2BIG, capacity < 4096 {
                capacity *= 2
                continue
            }
            try kvmCall("cannot read the CPU features that KVM supports", result)
            return table
        }
    }
}

/// A capability that every machine needs.
public struct KVMRequirement: Sendable {
    /// The capability's name in <linux/kvm.h>.
    public let name: String
    public let capability: KVMCapability
    /// The first Linux version whose KVM has the capability on x86.
    public let since: String
}

extension KVMSystem {
    /// The capabilities that every machine needs. A capability that only some machines need is checked when
    /// such a machine is made.
    public static let requirements: [KVMRequirement] = [
        KVMRequirement(name: "KVM_CAP_USER_MEMORY", capability: .userMemory, since: "2.6.25"),
        KVMRequirement(name: "KVM_CAP_IRQCHIP", capability: .irqchip, since: "2.6.25"),
        KVMRequirement(name: "KVM_CAP_IOEVENTFD", capability: .ioeventfd, since: "2.6.32"),
        KVMRequirement(name: "KVM_CAP_TSC_DEADLINE_TIMER", capability: .tscDeadlineTimer, since: "3.1"),
        KVMRequirement(name: "KVM_CAP_IMMEDIATE_EXIT", capability: .immediateExit, since: "4.13"),
    ]

    /// Returns those of `requirements` that this host's KVM lacks.
    public func missingRequirements() -> [KVMRequirement] {
        Self.requirements.filter { value(of: $0.capability) == 0 }
    }
}

/// Capabilities by their numbers in <linux/kvm.h> (KVM_CAP_*).
public struct KVMCapability: RawRepresentable, Hashable, Sendable {
    public let rawValue: Int32

    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    public static let irqchip = KVMCapability(rawValue: KVM_CAP_IRQCHIP)
    public static let userMemory = KVMCapability(rawValue: KVM_CAP_USER_MEMORY)
    public static let ioeventfd = KVMCapability(rawValue: KVM_CAP_IOEVENTFD)
    public static let immediateExit = KVMCapability(rawValue: KVM_CAP_IMMEDIATE_EXIT)
    public static let tscDeadlineTimer = KVMCapability(rawValue: KVM_CAP_TSC_DEADLINE_TIMER)
    public static let maximumVCPUs = KVMCapability(rawValue: KVM_CAP_MAX_VCPUS)
    static let extendedState = KVMCapability(rawValue: KVM_CAP_XSAVE2)
    static let pmu = KVMCapability(rawValue: KVM_CAP_PMU_CAPABILITY)
    static let busLockExit = KVMCapability(rawValue: KVM_CAP_X86_BUS_LOCK_EXIT)
    static let notifyExit = KVMCapability(rawValue: KVM_CAP_X86_NOTIFY_VMEXIT)
    static let enforcedFeatures = KVMCapability(rawValue: KVM_CAP_ENFORCE_PV_FEATURE_CPUID)
}

/// Throws a failure that names the operation if the result of an ioctl is -errno.
@discardableResult
func kvmCall(_ what: @autoclosure () -> String, _ result: Int32) throws(Failure) -> Int32 {
    guard result >= 0 else { throw Failure(what(), errno: Errno(rawValue: -result)) }
    return result
}
