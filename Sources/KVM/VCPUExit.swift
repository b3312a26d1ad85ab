/// The reason why a vCPU left the guest: a trivial value, made and matched without allocation.
public enum VCPUExit: Sendable {
    /// A write of `count` elements of `byteCount` bytes to a port (KVM_EXIT_IO).
    case portWrite(port: UInt16, byteCount: UInt8, count: UInt32)
    /// A read of `count` elements of `byteCount` bytes from a port (KVM_EXIT_IO).
    case portRead(port: UInt16, byteCount: UInt8, count: UInt32)
    /// A write to an address without RAM (KVM_EXIT_MMIO).
    case mmioWrite(address: UInt64, byteCount: UInt8, value: UInt64)
    /// A read from an address without RAM (KVM_EXIT_MMIO).
    case mmioRead(address: UInt64, byteCount: UInt8)
    /// HLT in a VM without interrupt controllers in the kernel (KVM_EXIT_HLT).
    case halted
    /// A triple fault (KVM_EXIT_SHUTDOWN).
    case shutdown
    /// A refusal of the vCPU's state by the hardware, with its reason (KVM_EXIT_FAIL_ENTRY).
    case entryFailed(UInt64)
    /// An internal error of KVM, with its suberror (KVM_EXIT_INTERNAL_ERROR).
    case internalError(UInt32)
    /// A system event with its type (KVM_EXIT_SYSTEM_EVENT).
    case systemEvent(UInt32)
    /// The guest has locked the bus, and there is no other reason (KVM_EXIT_X86_BUS_LOCK); see
    /// `VCPU.hasLockedBus`.
    case busLock
    /// The guest blocked interrupts for longer than the notify window (KVM_EXIT_NOTIFY). If its context is
    /// invalid, the vCPU cannot go on.
    case notify(isContextInvalid: Bool)
    /// A signal to the vCPU's thread, or a `VCPUKick`.
    case interrupted
    /// An exit reason that vmm never enables.
    case unknown(UInt32)
    /// A failure of KVM_RUN itself, with errno.
    case failed(Int32)
}
