import CKVM
public import GuestMemory
public import Host
import SystemPackage

/// A virtual machine of KVM: its memory slots, interrupt controllers and event descriptors. It makes the
/// vCPUs.
public final class VirtualMachine: Sendable {
    let descriptor: OwnedDescriptor
    let runAreaByteCount: Int

    init(owning descriptor: consuming OwnedDescriptor, runAreaByteCount: Int) {
        self.descriptor = descriptor
        self.runAreaByteCount = runAreaByteCount
    }

    /// Maps the guest's RAM, one slot for each region (KVM_SET_USER_MEMORY_REGION). `memory` must outlive the
    /// machine.
    public func map(_ memory: GuestMemory) throws(Failure) {
        try map(memory.low, slot: 0)
        if let high = memory.high { try map(high, slot: 1) }
    }

    private func map(_ region: GuestMemory.Region, slot: UInt32) throws(Failure) {
        var request = kvm_userspace_memory_region(
            slot: slot, flags: 0, guest_phys_addr: region.range.start.rawValue,
            memory_size: region.range.byteCount,
            userspace_addr: UInt64(UInt(bitPattern: unsafe region.hostBase)))
        try kvmCall(
            "cannot give the guest its memory",
            unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_SET_USER_MEMORY_REGION, &request))
    }

    /// Creates the interrupt controllers in the kernel: two 8259A, an IOAPIC, and a LAPIC for each vCPU made
    /// afterwards (KVM_CREATE_IRQCHIP). `tssAddress` names three pages below 4 GiB, outside RAM, that old
    /// Intel CPUs need.
    public func createInterruptControllers(tssAddress: UInt64) throws(Failure) {
        try kvmCall(
            "cannot place the TSS", ckvm_ioctl_value(descriptor.rawValue, ckvm_SET_TSS_ADDR, UInt(tssAddress))
        )
        try kvmCall(
            "cannot create the interrupt controllers",
            ckvm_ioctl(descriptor.rawValue, ckvm_CREATE_IRQCHIP))
    }

    /// Gives vCPUs made afterwards the frequency of the host's TSC (KVM_SET_TSC_KHZ with 0, Linux 5.18).
    ///
    /// By default KVM takes the frequency that the host's kernel knew when KVM was loaded, unless the CPU
    /// says that its TSC is constant. If the kernel has refined the frequency since by more than 250 ppm, and
    /// the CPU cannot scale a guest's TSC, KVM assumes that the guest's TSC stands still: each timer of the
    /// guest is then late by the uptime of the host. An older KVM refuses the call and keeps its default.
    func adoptHostTSCFrequency() {
        _ = ckvm_ioctl_value(descriptor.rawValue, ckvm_SET_TSC_KHZ, 0)
    }

    /// Makes each signal of `event` raise the interrupt `gsi` once (KVM_IRQFD).
    public func connect(_ event: EventFD, toInterrupt gsi: UInt32) throws(Failure) {
        var request = kvm_irqfd()
        request.fd = UInt32(bitPattern: event.descriptor)
        request.gsi = gsi
        try kvmCall(
            "cannot connect interrupt \(gsi)",
            unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_IRQFD, &request))
    }

    /// Makes the kernel close the VM after the process's exit instead of during it, unless another VM of this
    /// host is being closed that way.
    public func closeAfterProcess(of system: KVMSystem) {
        descriptor.closeAfterProcess(guardedBy: system.descriptor)
    }

    /// Sets the level of the interrupt input `gsi`, from the calling thread (KVM_IRQ_LINE).
    public func setInterrupt(_ gsi: UInt32, isHigh: Bool) {
        // The call fails only for a VM without interrupt controllers.
        _ = ckvm_set_irq_line(descriptor.rawValue, gsi, isHigh ? 1 : 0)
    }

    /// Makes a 32-bit write of `value` at `address` signal `event` in the kernel, without an exit
    /// (KVM_IOEVENTFD).
    public func connect(_ event: EventFD, toWriteOf value: UInt32, at address: GuestAddress) throws(Failure) {
        try kvmCall(
            "cannot connect the doorbell at \(address)",
            ckvm_ioeventfd(descriptor.rawValue, address.rawValue, 4, UInt64(value), event.descriptor))
    }

    /// Makes a vCPU whose APIC has the number `identifier` (KVM_CREATE_VCPU).
    public func makeVCPU(_ identifier: UInt32) throws(Failure) -> VCPU {
        let number = try kvmCall(
            "cannot create vCPU \(identifier)",
            ckvm_ioctl_value(descriptor.rawValue, ckvm_CREATE_VCPU, UInt(identifier)))
        return try VCPU(owning: OwnedDescriptor(owning: number), runAreaByteCount: runAreaByteCount)
    }
}
