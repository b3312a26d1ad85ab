import CKVM
public import Host
import SystemPackage

/// What KVM lets guests do unless it is told otherwise.
extension VirtualMachine {
    /// Takes the performance counters away, and has bus locks and long blocking of interrupts leave the guest, as far as
    /// this host's KVM and CPU can. Call it before the first vCPU is made.
    ///
    /// AMD's four old counters have no CPUID bit: KVM_CAP_PMU_CAPABILITY is the only way to take them away.
    public func restrictGuest() throws(Failure) {
        try enable(.pmu, UInt64(KVM_PMU_CAP_DISABLE), of: descriptor.rawValue)
        try enable(.busLockExit, UInt64(KVM_BUS_LOCK_DETECTION_EXIT), of: descriptor.rawValue)
        try enable(.notifyExit, ckvm_notify_exits, of: descriptor.rawValue)
    }
}

extension VCPU {
    /// Refuses the guest those of KVM's own features that its CPUID does not list (leaf 0x4000_0001); by default KVM
    /// grants them all.
    public func enforceFeatures() throws(Failure) {
        try enable(.enforcedFeatures, 1, of: descriptor.rawValue)
    }
}

/// Enables a capability (KVM_ENABLE_CAP). A KVM that has none, or whose CPU cannot do it, says EINVAL: no question before.
private func enable(
    _ capability: KVMCapability, _ argument: UInt64, of descriptor: Int32
) throws(Failure) {
    let result = ckvm_enable_capability(descriptor, UInt32(bitPattern: capability.rawValue), argument)
    guard result != -EINVAL else { return }
    try kvmCall("cannot enable KVM's capability \(capability.rawValue)", result)
}
