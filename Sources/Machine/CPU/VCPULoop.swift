import Devices
import Glibc
import GuestMemory
import Host
import KVM
import SystemPackage

/// Runs one vCPU on the thread that owns it, until the machine pauses or ends.
struct VCPULoop: Sendable {
    let cpu: Int
    let ports: PortBus
    let windows: MMIOBus
    let memory: GuestMemory
    /// The files that the guest sees as persistent memory.
    let files: PmemFiles?
    let control: MachineControl
    let counters: GuestCounters

    /// Serves exits until the machine pauses or ends. After a pause the vCPU is between two instructions.
    ///
    /// It is not inlined: the loop then has all of its values in registers.
    @inline(never)
    func run(_ vcpu: borrowing VCPU) {
        while control.mayRun { serve(vcpu.run(), of: vcpu) }
        completeLastExit(of: vcpu)
    }

    /// Completes the instruction of the last exit, which may need the monitor again. The vCPU's kick makes
    /// each run return before a further instruction (`VCPUKick`).
    private func completeLastExit(of vcpu: borrowing VCPU) {
        while !control.isEnded {
            let exit = vcpu.run()
            if case .interrupted = exit { return }
            serve(exit, of: vcpu)
        }
    }

    /// Serves one exit. No exit logs. Only reads of a device's configuration space allocate.
    ///
    /// An exit waits in two cases: when a byte for the serial console finds the console's ring full, and when
    /// the guest has locked the bus, which is throttled.
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

    /// Counts a bus lock and delays the vCPU by 1 ms.
    ///
    /// A locked bus holds up every CPU of the host. With the delay a vCPU can lock the bus at most a thousand
    /// times a second.
    private func slowDown() {
        counters.noteBusLock()
        usleep(1000)
    }

    /// Ends the machine after an exit that this vCPU cannot continue from.
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
            // EFAULT: a page of guest memory is missing. Only a file that was cut off can cause that.
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
    /// Makes the failure of KVM_RUN itself.
    fileprivate init(errno code: Int32, running cpu: Int) {
        self.init("cannot run vCPU \(cpu)", errno: Errno(rawValue: code))
    }
}
