import CKVM
public import Host
import SystemPackage

/// Restrictions of the guest that KVM does not impose by default.
extension VirtualMachine {
    /// Removes the performance counters, and makes bus locks and long blocking of interrupts leave the guest,
    /// as far as this host's KVM and CPU can. Call it before the first vCPU is made.
    ///
    /// AMD's four old counters have no CPUID bit: only KVM_CAP_PMU_CAPABILITY removes them.
    public func restrictGuest() throws(Failure) {
        try enable(.pmu, UInt64(KVM_PMU_CAP_DISABLE), of: descriptor.rawValue)
        try enable(.busLockExit, UInt64(KVM_BUS_LOCK_DETECTION_EXIT), of: descriptor.rawValue)
        try enable(.notifyExit, ckvm_notify_exits, of: descriptor.rawValue)
    }
}

extension VCPU {
    /// Denies the guest every paravirtual feature of KVM that its CPUID does not list (leaf 0x4000_0001). By
    /// default KVM grants all of them.
    public func enforceFeatures() throws(Failure) {
        try enable(.enforcedFeatures, 1, of: descriptor.rawValue)
    }
}

/// Enables a capability (KVM_ENABLE_CAP). EINVAL means that this KVM or its CPU lacks the capability and is
/// ignored, so callers need not check first.
private func enable(
    _ capability: KVMCapability, _ argument: UInt64, of descriptor: Int32
) throws(Failure) {
    let result = ckvm_enable_capability(descriptor, UInt32(bitPattern: capability.rawValue), argument)
    guard result != -EINVAL else { return }
    try kvmCall("cannot enable KVM's capability \(capability.rawValue)", result)
}
