import CKVM
public import Host
import SystemPackage

/// The clocks of a VM: the frequency of its time stamp counters, and kvm-clock.
extension VirtualMachine {
    /// Gives vCPUs made afterwards the frequency of the host's TSC (KVM_SET_TSC_KHZ with 0, Linux 5.18).
    ///
    /// By default KVM takes the frequency that the host's kernel knew when KVM was loaded, unless the CPU
    /// says that its TSC is constant. If the kernel has refined the frequency since by more than 250 ppm, and
    /// the CPU cannot scale a guest's TSC, KVM assumes that the guest's TSC stands still: each timer of the
    /// guest is then late by the uptime of the host. An older KVM refuses the call and keeps its default.
    func adoptHostTSCFrequency() {
        _ = ckvm_ioctl_value(descriptor.rawValue, ckvm_SET_TSC_KHZ, 0)
    }

    /// The frequency of the vCPUs' time stamp counters in kHz. Nil if KVM does not report it for a VM, which
    /// it does since Linux 5.17 (KVM_GET_TSC_KHZ).
    public var timeStampFrequency: UInt32? {
        let result = ckvm_ioctl(descriptor.rawValue, ckvm_GET_TSC_KHZ)
        return result > 0 ? UInt32(result) : nil
    }

    /// Reads kvm-clock, in nanoseconds (KVM_GET_CLOCK). Read it after the last vCPU has stopped: otherwise a
    /// guest has already seen a later time.
    public func clockNanoseconds() throws(Failure) -> UInt64 {
        var clock = kvm_clock_data()
        try kvmCall(
            "cannot read kvm-clock",
            unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_GET_CLOCK, &clock))
        return clock.clock
    }

    /// Sets kvm-clock, which goes on from there without a jump (KVM_SET_CLOCK). Call it before a vCPU runs.
    public func setClock(nanoseconds: UInt64) throws(Failure) {
        var clock = kvm_clock_data()
        clock.clock = nanoseconds
        try kvmCall(
            "cannot set kvm-clock", unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_SET_CLOCK, &clock))
    }
}

extension VCPU {
    /// Tells a guest that uses kvm-clock that it stood still, so that its watchdogs do not take the pause for
    /// a lock-up (KVM_KVMCLOCK_CTRL). Call it before the vCPU runs again: the note does not survive a save.
    public func noteClockStop() {
        // KVM refuses the call with EINVAL if the guest does not use kvm-clock; nothing is to be noted then.
        _ = ckvm_ioctl(descriptor.rawValue, ckvm_KVMCLOCK_CTRL)
    }
}
