import Boot
import Glibc
import Host
import KVM
import Synchronization

/// A vCPU and its thread, from the moment when it is ready to run until it is joined.
final class VCPUThread: Sendable {
    /// The signal that brings a vCPU's thread out of the guest. Whoever sends one to the process means nothing by it,
    /// as it is ignored by default; every other one may be meant for the guest.
    static let kickSignal = SIGURG

    let index: Int
    private let kick: VCPUKick
    /// The vCPU until its thread takes it, once.
    private let waiting: Mutex<VCPU?>
    private let thread: Mutex<HostThread?> = Mutex(nil)

    /// Makes the signal harmless; before the first thread starts.
    static func prepare() {
        Signals.makeInterrupting(kickSignal)
    }

    init(_ vcpu: consuming sending VCPU, cpu: Int) {
        index = cpu
        kick = vcpu.kick
        waiting = Mutex(vcpu)
    }

    /// Gives it the features of its number among `cpuCount`; before it starts.
    func setUp(of cpuCount: Int, features: CPUIDTable) throws(Failure) {
        try waiting.withLock { (vcpu) throws(Failure) in
            try vcpu?.setUp(cpu: index, of: cpuCount, features: features)
        }
    }

    /// Where it begins; before it starts.
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

    /// Brings it out of the guest for good: the machine has ended.
    func interrupt() {
        kick.request()
        thread.withLock { $0?.interrupt(with: Self.kickSignal) }
    }

    func join() {
        thread.withLock { $0.take() }?.join()
    }
}
