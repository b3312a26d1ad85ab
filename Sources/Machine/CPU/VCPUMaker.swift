import Host
import KVM
import Synchronization

/// Makes a machine's vCPUs while the rest of the machine is built.
///
/// KVM takes long to say which features a guest may be shown: it asks the processor leaf by leaf, and where the host is
/// itself a guest, each of these questions is an exit. So a thread of its own asks as soon as /dev/kvm is open, and makes
/// the vCPUs as soon as there is a machine for them.
final class VCPUMaker: Sendable {
    private let bench: Bench
    private let thread: Mutex<HostThread?>

    /// Begins with `count` vCPUs.
    init(_ count: Int, of kvm: KVMSystem) throws(Failure) {
        let bench = Bench(count, of: kvm)
        self.bench = bench
        thread = Mutex(try HostThread(named: "cpus") { bench.work() })
    }

    /// From here on there is `system`, with its interrupt controllers.
    func provide(_ system: VirtualMachine) {
        bench.provide(system)
    }

    /// Waits for the vCPUs, of which the first is CPU 0.
    func finish() throws(Failure) -> [VCPUThread] {
        join()
        return try bench.result()
    }

    /// What else the machine needed could not be had: nobody waits for the vCPUs.
    deinit {
        bench.provide(nil)
        join()
    }

    private func join() {
        thread.withLock { $0.take() }?.join()
    }
}

/// What the maker and its thread share.
private final class Bench: Sendable {
    private struct State {
        var system: VirtualMachine?
        var made: [VCPUThread] = []
        var failure: Failure?
    }

    private let count: Int
    private let kvm: KVMSystem
    private let provided = Semaphore()
    private let state = Mutex(State())

    init(_ count: Int, of kvm: KVMSystem) {
        self.count = count
        self.kvm = kvm
    }

    func provide(_ system: VirtualMachine?) {
        state.withLock { $0.system = system }
        provided.post()
    }

    func result() throws(Failure) -> [VCPUThread] {
        let (made, failure) = state.withLock { ($0.made, $0.failure) }
        if let failure { throw failure }
        return made
    }

    /// The thread's whole life.
    func work() {
        do throws(Failure) {
            let features = try kvm.supportedCPUID()
            provided.wait()
            guard let system = state.withLock({ $0.system }) else { return }
            for cpu in 0..<count {
                let vcpu = try system.makeVCPU(UInt32(cpu))
                try vcpu.setUp(cpu: cpu, of: count, features: features)
                let made = VCPUThread(vcpu, cpu: cpu)
                state.withLock { $0.made.append(made) }
            }
        } catch {
            state.withLock { $0.failure = error }
        }
    }
}
