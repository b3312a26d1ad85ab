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
    /// The vCPU until its thread takes it, which happens once.
    private let waiting: Mutex<VCPU?>
    private let thread: Mutex<HostThread?> = Mutex(nil)

    /// Installs a handler that only interrupts. Call it before the first thread starts.
    static func prepare() {
        Signals.makeInterrupting(kickSignal)
    }

    init(_ vcpu: consuming sending VCPU, cpu: Int) {
        index = cpu
        kick = vcpu.kick
        waiting = Mutex(vcpu)
    }

    /// Gives the vCPU the features of its number among `cpuCount` CPUs. Call it before `start`.
    func setUp(of cpuCount: Int, features: CPUIDTable) throws(Failure) {
        try waiting.withLock { (vcpu) throws(Failure) in
            try vcpu?.setUp(cpu: index, of: cpuCount, features: features)
        }
    }

    /// Sets the state in which the vCPU enters the kernel. Call it before `start`.
    func enter(_ entry: EntryState) throws(Failure) {
        try waiting.withLock { (vcpu) throws(Failure) in try vcpu?.enter(entry) }
    }

    func start(_ loop: VCPULoop) throws(Failure) {
        var started: HostThread? = try HostThread(named: "vcpu\(index)", allowing: Self.kickSignal) {
            [self] in
            if let vcpu = waiting.withLock({ $0.take() }) { loop.run(vcpu) }
        }
        thread.withLock { $0 = started.take() }
    }

    /// Makes the vCPU leave the guest for good, because the machine has ended.
    func interrupt() {
        kick.request()
        thread.withLock { $0?.interrupt(with: Self.kickSignal) }
    }

    func join() {
        thread.withLock { $0.take() }?.join()
    }
}
