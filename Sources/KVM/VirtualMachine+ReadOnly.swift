import CKVM
public import GuestMemory
public import Host

extension VirtualMachine {
    /// The memory slot after those of RAM, of which there are two at the most.
    private static let readOnlySlot: UInt32 = 2

    /// Maps `memory` at `address` in the guest, for reading only (KVM_MEM_READONLY): a write leaves the guest
    /// as an MMIO write. Both are aligned to 4,096 bytes. A machine has one such range at the most, which
    /// must outlive the machine.
    public func map(readOnly memory: borrowing MappedRegion, at address: GuestAddress) throws(Failure) {
        var request = kvm_userspace_memory_region(
            slot: Self.readOnlySlot, flags: UInt32(KVM_MEM_READONLY), guest_phys_addr: address.rawValue,
            memory_size: UInt64(memory.byteCount),
            userspace_addr: UInt64(UInt(bitPattern: unsafe memory.base)))
        try kvmCall(
            "cannot give the guest its read-only memory",
            unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_SET_USER_MEMORY_REGION, &request))
    }
}
