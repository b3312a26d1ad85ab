import Devices
import Glibc
import GuestMemory
import Host
import KVM
import SystemPackage

/// Runs one vCPU: its thread owns it, from the first instruction to the machine's end.
struct VCPULoop: Sendable {
    let cpu: Int
    let ports: PortBus
    let windows: WindowBus
    let memory: GuestMemory
    /// What the guest's persistent memory shows.
    let files: PmemFiles?
    let control: MachineControl
    let counters: GuestCounters

    /// Serves exits until the machine ends.
    func run(_ vcpu: borrowing VCPU) {
        while !control.isEnded { serve(vcpu.run(), of: vcpu) }
    }

    /// Serves one exit. None logs, and none allocates but to read a device's configuration space; one waits where a byte
    /// for the serial console finds the console's ring full, and one that has locked the bus is held up.
    func serve(_ exit: VCPUExit, of vcpu: borrowing VCPU) {
        if vcpu.hasLockedBus { slowDown() }
        switch exit {
        case .portWrite(let port, let byteCount, let count):
            for index in 0..<count {
                ports.write(UInt64(vcpu.written(index)), to: port, byteCount: Int(byteCount))
            }
        case .portRead(let port, let byteCount, let count):
            for index in 0..<count {
                let value = ports.read(port, byteCount: Int(byteCount))
                vcpu.answer(index, UInt32(truncatingIfNeeded: value))
            }
        case .mmioWrite(let address, let byteCount, let value):
            windows.write(value, to: address, byteCount: Int(byteCount))
        case .mmioRead(let address, let byteCount):
            vcpu.answerMMIO(windows.read(address, byteCount: Int(byteCount)))
        case .interrupted, .busLock: return
        case .notify(isContextInvalid: false): counters.noteNotification()
        case let exit: finish(after: exit, of: vcpu)
        }
    }

    /// A locked bus holds up every CPU of the host. A guest that locks it all the time does so a thousand times a second
    /// at the most.
    private func slowDown() {
        counters.noteBusLock()
        usleep(1000)
    }

    /// Exits after which this vCPU, and with it the machine, cannot go on.
    private func finish(after exit: VCPUExit, of vcpu: borrowing VCPU) {
        switch exit {
        case .shutdown: control.finish(.tripleFault(fault("triple fault", of: vcpu)))
        case .internalError(1):  // KVM_INTERNAL_ERROR_EMULATION
            let summary = "KVM cannot emulate an instruction of vCPU \(cpu)"
            control.finish(.internalError(fault(summary, of: vcpu)))
        case .internalError(let code):
            let summary = "KVM reports its internal error \(code) on vCPU \(cpu)"
            control.finish(.internalError(fault(summary, of: vcpu)))
        case .entryFailed(let reason):
            let summary = "the processor refuses to enter vCPU \(cpu) (reason 0x\(String(reason, radix: 16)))"
            control.finish(.internalError(fault(summary, of: vcpu)))
        case .notify:
            let summary = "the guest kept interrupts out until the processor lost the state of vCPU \(cpu)"
            control.finish(.internalError(fault(summary, of: vcpu)))
        case .failed(let code):
            // EFAULT: a page of the guest's is not there. A file that was cut off is the one way to that.
            let cause = code == Errno.badAddress.rawValue ? files?.shortened() : nil
            control.finish(.failed(cause ?? Failure(errno: code, running: cpu)))
        default:
            let summary = "vCPU \(cpu) left the guest for no reason that vmm knows (\(exit))"
            control.finish(.internalError(fault(summary, of: vcpu)))
        }
    }

    private func fault(_ summary: String, of vcpu: borrowing VCPU) -> CPUFault {
        CPUFault(cpu: cpu, summary: summary, of: vcpu, memory: memory)
    }
}

extension Failure {
    /// KVM_RUN itself failed.
    fileprivate init(errno code: Int32, running cpu: Int) {
        self.init("cannot run vCPU \(cpu)", errno: Errno(rawValue: code))
    }
}
