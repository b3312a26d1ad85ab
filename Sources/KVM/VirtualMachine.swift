import CKVM
public import GuestMemory
public import Host
import SystemPackage

/// A VM: its memory slots and event descriptors. It makes the vCPUs.
public final class VirtualMachine: Sendable {
    let descriptor: OwnedDescriptor
    let runAreaByteCount: Int
    private let extendedState: ExtendedStateSize

    init(owning descriptor: consuming OwnedDescriptor, runAreaByteCount: Int) {
        extendedState = ExtendedStateSize(of: descriptor)
        self.descriptor = descriptor
        self.runAreaByteCount = runAreaByteCount
    }

    /// Maps the guest's RAM, one slot for each region (KVM_SET_USER_MEMORY_REGION). `memory` must outlive the
    /// VM.
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

    /// The memory slot after those of RAM, of which there are two at the most.
    private static let readOnlySlot: UInt32 = 2

    /// Maps `memory` at `address` in the guest, for reading only (KVM_MEM_READONLY): a write leaves the guest
    /// as an MMIO write. Both are aligned to 4,096 bytes. A VM has one such range at the most, which must
    /// outlive the VM.
    public func map(readOnly memory: borrowing MappedRegion, at address: GuestAddress) throws(Failure) {
        var request = kvm_userspace_memory_region(
            slot: Self.readOnlySlot, flags: UInt32(KVM_MEM_READONLY), guest_phys_addr: address.rawValue,
            memory_size: UInt64(memory.byteCount),
            userspace_addr: UInt64(UInt(bitPattern: unsafe memory.base)))
        try kvmCall(
            "cannot give the guest its read-only memory",
            unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_SET_USER_MEMORY_REGION, &request))
    }

    /// Makes the kernel close the VM after the process's exit instead of during it, unless another VM of this
    /// host is being closed that way.
    public func closeAfterProcess(of kvm: KVMSystem) {
        descriptor.closeAfterProcess(guardedBy: kvm.descriptor)
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
        return try VCPU(
            owning: OwnedDescriptor(owning: number), runAreaByteCount: runAreaByteCount,
            extendedState: extendedState)
    }
}
