import Host
import KVM
import Synchronization

/// KVM's own part of a machine, begun before the rest is known.
///
/// KVM takes its time: to make a machine it waits for a grace period of the host's kernel, because (up to Linux 6.12) it moves
/// a thread of its own to the monitor's cgroup. So a thread makes the machine as soon as /dev/kvm is open, whatever is looked
/// up meanwhile, and its vCPUs as soon as it is ready for them.
public final class MachineStart: Sendable {
    private let bench: Bench
    private let thread: Mutex<HostThread?>

    /// Begins. What cannot be had is a failure once it is asked for.
    public convenience init(timings: Timings) {
        self.init { () throws(Failure) in
            let kvm = try KVMSystem()
            timings.note(.kvmOpened)
            return kvm
        }
    }

    init(opening open: () throws(Failure) -> KVMSystem) {
        let bench = Bench()
        self.bench = bench
        do throws(Failure) {
            let kvm = try open()
            bench.begin(kvm)
            thread = Mutex(try HostThread(named: "kvm") { bench.work(kvm) })
        } catch {
            thread = Mutex(nil)
            bench.giveUp(error)
        }
    }

    /// Waits until KVM has made the machine, or has failed to.
    public func wait() { bench.wait() }

    /// This host's KVM.
    func kvm() throws(Failure) -> KVMSystem { try bench.kvm() }

    /// Waits for the machine, which has neither memory nor devices yet.
    func system() throws(Failure) -> VirtualMachine { try bench.system() }

    /// Reads what CPUs can be given, on the calling thread: KVM asks the processor leaf by leaf, which are exits where the host
    /// is itself a guest, and the machine is made meanwhile.
    func readFeatures() throws(Failure) { try bench.readFeatures() }

    /// From here on the machine has its interrupt controllers, and can be given `count` vCPUs with those features.
    func makeCPUs(_ count: Int) { bench.makeCPUs(count) }

    /// Waits for the vCPUs, of which the first is CPU 0, and hands all over: the start holds nothing of the machine any more.
    /// Where the guest may leave its local APICs off, the vCPUs offer nothing that needs one.
    func cpus(withoutLocalAPIC: Bool = false) throws(Failure) -> [VCPUThread] {
        join()
        let cpus = try bench.cpus()
        if withoutLocalAPIC { try bench.withholdAPICFeatures(from: cpus) }
        return cpus
    }

    /// What else the machine needed could not be had: nobody waits for the vCPUs.
    deinit {
        bench.makeCPUs(0)
        join()
    }

    private func join() {
        thread.withLock { $0.take() }?.join()
    }
}

/// What the start and its thread share. A Result would do for much of it; but its generic type is looked up at run time, among all
/// conformances of the program, which costs half a millisecond.
private final class Bench: Sendable {
    private struct State {
        var kvm: KVMSystem?
        var system: VirtualMachine?
        var count = 0
        var cpus: [VCPUThread] = []
        var failure: Failure?

        /// What there is, or why it is not.
        func orFailure<Part>(_ part: Part?) throws(Failure) -> Part {
            if let part { return part }
            throw failure ?? Failure(.software, "the machine cannot start", because: "nobody said why")
        }
    }

    private let made = Semaphore()
    private let asked = Semaphore()
    private let state = Mutex(State())
    private let features = Mutex<CPUIDTable?>(nil)

    func begin(_ kvm: KVMSystem) {
        state.withLock { $0.kvm = kvm }
    }

    func kvm() throws(Failure) -> KVMSystem {
        try state.withLock { (state) throws(Failure) in try state.orFailure(state.kvm) }
    }

    func wait() {
        made.wait()
        made.post()
    }

    func system() throws(Failure) -> VirtualMachine {
        wait()
        return try state.withLock { (state) throws(Failure) in try state.orFailure(state.system) }
    }

    func readFeatures() throws(Failure) {
        let kvm = try kvm()
        try features.withLock { (features) throws(Failure) in features = try kvm.guestFeatures() }
    }

    func makeCPUs(_ count: Int) {
        state.withLock { $0.count = count }
        asked.post()
    }

    func cpus() throws(Failure) -> [VCPUThread] {
        try state.withLock { (state) throws(Failure) in
            let cpus = state.cpus
            (state.system, state.cpus) = (nil, [])
            return try state.orFailure(state.failure == nil ? cpus : nil)
        }
    }

    /// Sets up `cpus`, which have not run, once more: how the kernel starts is only known when they are there.
    func withholdAPICFeatures(from cpus: [VCPUThread]) throws(Failure) {
        try features.withLock { (features) throws(Failure) in
            guard let features else { return }
            features.withholdAPICFeatures()
            for cpu in cpus { try cpu.setUp(of: cpus.count, features: features) }
        }
    }

    func giveUp(_ failure: Failure) {
        state.withLock { $0.failure = failure }
        made.post()
    }

    /// The thread's whole life.
    func work(_ kvm: KVMSystem) {
        do throws(Failure) {
            let system = try kvm.makeVirtualMachine()
            state.withLock { $0.system = system }
            made.post()
            try system.restrictGuest()
            asked.wait()
            let count = state.withLock { $0.count }
            for cpu in 0..<count {
                let vcpu = try system.makeVCPU(UInt32(cpu))
                try features.withLock { (features) throws(Failure) in
                    guard let features else {
                        preconditionFailure("CPUs were asked for before their features")
                    }
                    try vcpu.setUp(cpu: cpu, of: count, features: features)
                }
                let made = VCPUThread(vcpu, cpu: cpu)
                state.withLock { $0.cpus.append(made) }
            }
        } catch {
            giveUp(error)
        }
    }
}
