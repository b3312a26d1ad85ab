import CKVM
import Host
import SystemPackage

/// A virtual CPU. The thread that runs it owns it.
public struct VCPU: ~Copyable, Sendable {
    let descriptor: OwnedDescriptor
    let area: VCPURunArea
    let extendedState: ExtendedStateSize

    init(
        owning descriptor: consuming OwnedDescriptor, runAreaByteCount: Int, extendedState: ExtendedStateSize
    ) throws(Failure) {
        self.extendedState = extendedState
        area = try VCPURunArea(of: descriptor.rawValue, byteCount: runAreaByteCount)
        self.descriptor = descriptor
    }

    /// A handle by which another thread makes `run` return.
    public var kick: VCPUKick { VCPUKick(area: area) }

    /// Runs guest code until it needs the monitor (KVM_RUN), or until a kick. After a read exit, call
    /// `answer` or `answerMMIO` before the next run.
    public func run() -> VCPUExit {
        let result = ckvm_run(descriptor.rawValue)
        if result < 0 { return result == -EINTR || result == -EAGAIN ? .interrupted : .failed(-result) }
        return area.exit
    }

    /// Whether the guest locked the bus before the last exit, whatever the reason of that exit
    /// (KVM_RUN_X86_BUS_LOCK).
    public var hasLockedBus: Bool { area.hasLockedBus }

    /// Returns element `index` of a port write: some instructions (rep outs) write many elements at once.
    public func written(_ index: UInt32) -> UInt32 { area.portElement(index) }

    /// Sets the result of element `index` of a port read.
    public func answer(_ index: UInt32, _ value: UInt32) { area.setPortElement(index, value) }

    /// Sets the result of an MMIO read.
    public func answerMMIO(_ value: UInt64) { area.setMMIOData(value) }
}

/// Makes a vCPU leave the guest, from any thread, until the request is withdrawn. Together with a signal to
/// the vCPU's thread, the vCPU leaves at once.
///
/// KVM completes a port or MMIO access only at the next KVM_RUN. While a kick is requested, that call
/// completes it and runs no further instruction. So a vCPU is between two instructions when `run` has
/// returned `.interrupted`; every other exit has to be served first, and followed by another `run`.
public struct VCPUKick: Sendable {
    let area: VCPURunArea

    /// Makes the running KVM_RUN return at the next signal to its thread, and every later KVM_RUN return at
    /// once.
    public func request() { area.setImmediateExit(1) }

    /// Lets the vCPU run again. Call it while the vCPU is out of `run`.
    public func withdraw() { area.setImmediateExit(0) }
}

/// The memory that a vCPU shares with the kernel (struct kvm_run).
@safe
final class VCPURunArea: Sendable {
    private let mapping: MappedRegion
    private nonisolated(unsafe) let run: UnsafeMutablePointer<kvm_run>

    init(of descriptor: Int32, byteCount: Int) throws(Failure) {
        do throws(Errno) {
            mapping = try MappedRegion(sharing: descriptor, byteCount: byteCount)
        } catch {
            throw Failure("cannot map a vCPU's state", errno: error)
        }
        unsafe run = mapping.base.assumingMemoryBound(to: kvm_run.self)
    }

    func setImmediateExit(_ value: UInt8) { unsafe ckvm_set_immediate_exit(run, value) }

    var exit: VCPUExit {
        switch unsafe ckvm_exit_reason(run) {
        case UInt32(KVM_EXIT_IO): return portExit
        case UInt32(KVM_EXIT_MMIO): return mmioExit
        case UInt32(KVM_EXIT_HLT): return .halted
        case UInt32(KVM_EXIT_SHUTDOWN): return .shutdown
        case UInt32(KVM_EXIT_FAIL_ENTRY): return unsafe .entryFailed(ckvm_fail_entry_reason(run))
        case UInt32(KVM_EXIT_INTERNAL_ERROR): return unsafe .internalError(ckvm_internal_suberror(run))
        case UInt32(KVM_EXIT_SYSTEM_EVENT): return unsafe .systemEvent(ckvm_system_event_type(run))
        case UInt32(KVM_EXIT_INTR): return .interrupted
        case UInt32(KVM_EXIT_X86_BUS_LOCK): return .busLock
        case UInt32(KVM_EXIT_NOTIFY):
            let flags = unsafe ckvm_notify_flags(run)
            return .notify(isContextInvalid: flags & UInt32(KVM_NOTIFY_CONTEXT_INVALID) != 0)
        case let reason: return .unknown(reason)
        }
    }

    var hasLockedBus: Bool { unsafe ckvm_has_locked_bus(run) != 0 }

    private var portExit: VCPUExit {
        let port = unsafe ckvm_io_port(run)
        let width = unsafe ckvm_io_size(run)
        let count = unsafe ckvm_io_count(run)
        return unsafe ckvm_io_direction(run) == UInt8(KVM_EXIT_IO_OUT)
            ? .portWrite(port: port, byteCount: width, count: count)
            : .portRead(port: port, byteCount: width, count: count)
    }

    private var mmioExit: VCPUExit {
        let address = unsafe ckvm_mmio_address(run)
        let length = UInt8(truncatingIfNeeded: unsafe ckvm_mmio_length(run))
        guard unsafe ckvm_mmio_is_write(run) != 0 else {
            return .mmioRead(address: address, byteCount: length)
        }
        let data = unsafe UnsafeRawPointer(ckvm_mmio_data(run)).loadUnaligned(as: UInt64.self)
        let mask: UInt64 = length >= 8 ? .max : 1 << (8 &* UInt64(length)) &- 1
        return .mmioWrite(address: address, byteCount: length, value: UInt64(littleEndian: data) & mask)
    }

    func setMMIOData(_ value: UInt64) {
        unsafe UnsafeMutableRawPointer(ckvm_mmio_data(run)).storeBytes(
            of: value.littleEndian, as: UInt64.self)
    }

    /// Returns the address of element `index` of a port access. The interface guarantees that it lies within
    /// the mapping.
    private func portData(_ index: UInt32) -> UnsafeMutableRawPointer {
        let offset = unsafe Int(ckvm_io_data_offset(run)) + Int(index) * Int(ckvm_io_size(run))
        return unsafe UnsafeMutableRawPointer(run) + offset
    }

    func portElement(_ index: UInt32) -> UInt32 {
        let data = unsafe portData(index)
        switch unsafe ckvm_io_size(run) {
        case 1: return unsafe UInt32(data.load(as: UInt8.self))
        case 2: return unsafe UInt32(data.loadUnaligned(as: UInt16.self))
        default: return unsafe data.loadUnaligned(as: UInt32.self)
        }
    }

    func setPortElement(_ index: UInt32, _ value: UInt32) {
        let data = unsafe portData(index)
        switch unsafe ckvm_io_size(run) {
        case 1: unsafe data.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
        case 2: unsafe data.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
        default: unsafe data.storeBytes(of: value, as: UInt32.self)
        }
    }
}
