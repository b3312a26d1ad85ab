/// Why a vCPU left the guest: a trivial value, made and switched over without allocation.
public enum VCPUExit: Sendable {
    /// `count` elements of `byteCount` bytes were written to a port (KVM_EXIT_IO).
    case portWrite(port: UInt16, byteCount: UInt8, count: UInt32)
    /// `count` elements of `byteCount` bytes are to be read from a port (KVM_EXIT_IO).
    case portRead(port: UInt16, byteCount: UInt8, count: UInt32)
    /// A write where there is no RAM (KVM_EXIT_MMIO).
    case mmioWrite(address: UInt64, byteCount: UInt8, value: UInt64)
    /// A read where there is no RAM (KVM_EXIT_MMIO).
    case mmioRead(address: UInt64, byteCount: UInt8)
    /// HLT, where no interrupt controller in the kernel deals with it (KVM_EXIT_HLT).
    case halted
    /// A triple fault (KVM_EXIT_SHUTDOWN).
    case shutdown
    /// The hardware refused the vCPU's state (KVM_EXIT_FAIL_ENTRY), with its reason.
    case entryFailed(UInt64)
    /// KVM does not know how to go on (KVM_EXIT_INTERNAL_ERROR), with the suberror.
    case internalError(UInt32)
    /// KVM_EXIT_SYSTEM_EVENT with its type.
    case systemEvent(UInt32)
    /// The guest has locked the bus, and nothing else (KVM_EXIT_X86_BUS_LOCK); see `VCPU.hasLockedBus`.
    case busLock
    /// The guest kept interrupts out for longer than the notify window (KVM_EXIT_NOTIFY). Where its context is invalid,
    /// the vCPU cannot go on.
    case notify(isContextInvalid: Bool)
    /// A signal or a kick.
    case interrupted
    /// An exit that vmm never asks for.
    case unknown(UInt32)
    /// KVM_RUN itself failed, with errno.
    case failed(Int32)
}
