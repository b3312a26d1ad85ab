public import Host

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
