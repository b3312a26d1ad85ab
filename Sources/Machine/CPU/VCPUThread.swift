import Boot
import Glibc
import Host
import KVM
import Synchronization

/// A vCPU and its thread, from the time when the vCPU is ready to run until the thread is joined.
final class VCPUThread: Sendable {
    /// The signal that makes a vCPU's thread leave the guest. A process ignores SIGURG by default, so a
    /// SIGURG from another process has no meaning. Any other signal may be meant for the guest.
    static let kickSignal = SIGURG

    let index: Int
    private let kick: VCPUKick
    /// The vCPU. Its thread holds the lock while the vCPU runs, from the start to a pause or the end.
    private let vcpu: Mutex<VCPU>
    private let thread: Mutex<HostThread?> = Mutex(nil)
    /// Posted for each time that the thread may go on after a pause.
    private let resumed = Semaphore()

    /// Installs a handler that only interrupts. Call it before the first thread starts.
    static func prepare() {
        Signals.makeInterrupting(kickSignal)
    }

    init(_ vcpu: consuming sending VCPU, cpu: Int) {
        index = cpu
        kick = vcpu.kick
        self.vcpu = Mutex(vcpu)
    }

    /// Gives the vCPU the features of its number among `cpuCount` CPUs. Call it before `start`.
    func setUp(of cpuCount: Int, features: CPUIDTable) throws(Failure) {
        try vcpu.withLock { (vcpu) throws(Failure) in
            try vcpu.setUp(cpu: index, of: cpuCount, features: features)
        }
    }

    /// Sets the state in which the vCPU enters the kernel. Call it before `start`.
    func enter(_ entry: EntryState) throws(Failure) {
        try vcpu.withLock { (vcpu) throws(Failure) in try vcpu.enter(entry) }
    }

    func start(_ loop: VCPULoop) throws(Failure) {
        loop.control.noteRunning()
        do throws(Failure) {
            var started: HostThread? = try HostThread(named: "vcpu\(index)", allowing: Self.kickSignal) {
                [self] in
                run(loop)
            }
            thread.withLock { $0 = started.take() }
        } catch {
            _ = loop.control.noteStopped()
            throw error
        }
    }

    /// Runs the vCPU on its thread, with a wait for each pause.
    private func run(_ loop: VCPULoop) {
        while true {
            vcpu.withLock { loop.run($0) }
            guard loop.control.noteStopped() else { return }
            resumed.wait()
        }
    }

    /// Makes the vCPU leave the guest, because the machine pauses or has ended.
    func interrupt() {
        kick.request()
        thread.withLock { $0?.interrupt(with: Self.kickSignal) }
    }

    /// Lets the vCPU enter the guest again; `proceed` then wakes its thread. Call it while the vCPU stands
    /// still.
    func withdrawInterrupt() {
        kick.withdraw()
        vcpu.withLock { $0.noteClockStop() }
    }

    /// Wakes the thread, which waits since the last pause. Does nothing before `start`.
    func proceed(_ control: MachineControl) {
        guard thread.withLock({ $0 != nil }) else { return }
        control.noteRunning()
        resumed.post()
    }

    func join() {
        thread.withLock { $0.take() }?.join()
    }
}

/// The state of a vCPU that stands still: before its start, or in a pause.
extension VCPUThread {
    /// Whether the vCPU waits for an interrupt. False for a vCPU that is running.
    var isHalted: Bool { vcpu.withLockIfAvailable { $0.isHalted } ?? false }

    /// Reads the vCPU's time stamp counter. Throws if the vCPU is running.
    func timeStamp() throws(Failure) -> UInt64 {
        let value = try vcpu.withLockIfAvailable { (vcpu) throws(Failure) in try vcpu.timeStamp() }
        guard let value else { throw running }
        return value
    }

    /// Reads the vCPU's state. Throws if the vCPU is running.
    func state(_ format: VCPUStateFormat) throws(Failure) -> VCPUState {
        let state = try vcpu.withLockIfAvailable { (vcpu) throws(Failure) in try vcpu.state(format) }
        guard let state else { throw running }
        return state
    }

    /// Restores a state into the vCPU before its start; see `VCPU.restore`. Throws if the vCPU is running.
    func restore(
        _ state: VCPUState, _ format: VCPUStateFormat, timeShift: UInt64?
    ) throws(Failure) -> UInt64 {
        let shift = try vcpu.withLockIfAvailable { (vcpu) throws(Failure) in
            try vcpu.restore(state, format, timeShift: timeShift)
        }
        guard let shift else { throw running }
        return shift
    }

    private var running: Failure {
        Failure(.software, "cannot use the state of vCPU \(index)", because: "it is running")
    }
}
