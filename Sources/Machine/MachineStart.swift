import Host
import KVM
import Synchronization

/// Creates KVM's part of a machine early, on a thread of its own.
///
/// Creating a VM is slow: up to Linux 6.12 KVM moves a kernel thread to the monitor's cgroup, and so waits
/// for a grace period of the host's kernel. The thread creates the VM as soon as /dev/kvm is open, while the
/// monitor does other work. It creates the vCPUs as soon as the VM is ready for them.
public final class MachineStart: Sendable {
    private let bench: Bench
    private let thread: Mutex<HostThread?>

    /// Opens /dev/kvm and starts the thread. A failure is thrown by the first call that needs the missing
    /// part.
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

    /// Waits until KVM has created the VM, or has failed to.
    public func wait() { bench.wait() }

    /// This host's KVM.
    func kvm() throws(Failure) -> KVMSystem { try bench.kvm() }

    /// Waits for the VM, which has neither memory nor devices yet.
    func system() throws(Failure) -> VirtualMachine { try bench.system() }

    /// Reads the features that CPUs can have, on the calling thread, while the other thread creates the VM.
    /// KVM asks the processor leaf by leaf, and each leaf is an exit if the host is itself a guest.
    func readFeatures() throws(Failure) { try bench.readFeatures() }

    /// Lets the thread create `count` vCPUs. The VM must have its interrupt controllers, and `readFeatures`
    /// must have returned.
    func makeCPUs(_ count: Int) { bench.makeCPUs(count) }

    /// Waits for the vCPUs, of which the first is CPU 0, and hands them over. The start then holds nothing of
    /// the VM any more.
    ///
    /// With `withoutLocalAPIC` the vCPUs offer no feature that needs a local APIC, because the guest may
    /// leave its own off.
    func cpus(withoutLocalAPIC: Bool = false) throws(Failure) -> [VCPUThread] {
        join()
        let cpus = try bench.cpus()
        if withoutLocalAPIC { try bench.withholdAPICFeatures(from: cpus) }
        return cpus
    }

    /// Ends the thread. If building the machine failed before `makeCPUs`, the thread learns here that no
    /// vCPUs are wanted.
    deinit {
        bench.makeCPUs(0)
        join()
    }

    private func join() {
        thread.withLock { $0.take() }?.join()
    }
}

/// The state that the start and its thread share.
///
/// `Result` would do for much of it, but its generic type is looked up at run time, among all conformances of
/// the program, which costs half a millisecond.
private final class Bench: Sendable {
    private struct State {
        var kvm: KVMSystem?
        var system: VirtualMachine?
        var count = 0
        var cpus: [VCPUThread] = []
        var failure: Failure?

        /// Returns `part`, or throws the failure because of which it is missing.
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

    /// Sets up `cpus`, which have not run, a second time: the kernel's entry is known only after they exist.
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

    /// Runs on the thread: creates the VM, then the vCPUs that `makeCPUs` asks for.
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
