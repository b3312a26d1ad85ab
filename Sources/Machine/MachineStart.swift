import GuestMemory
public import Host
import KVM
import Layout
import Synchronization

/// Creates KVM's part of a machine early, on a thread of its own.
///
/// Creating a VM is slow: before Linux 6.14, and before later releases of 6.12, KVM moves a kernel thread to
/// the monitor's cgroup, and so waits for a grace period of the host's kernel. The thread creates the VM as
/// soon as /dev/kvm is open, while the monitor does other work. It creates the vCPUs as soon as `prepare` has
/// given the VM memory and interrupt controllers.
public final class MachineStart: Sendable {
    private let shared = Shared()
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
        let shared = shared
        do throws(Failure) {
            let kvm = try open()
            shared.state.withLock { $0.kvm = kvm }
            thread = Mutex(try HostThread(named: "kvm") { Self.create(from: kvm, for: shared) })
        } catch {
            thread = Mutex(nil)
            shared.fail(error)
        }
    }

    /// Waits until KVM has created the VM, or has failed to.
    public func wait() {
        shared.created.wait()
        shared.created.post()
    }

    /// Waits until KVM has created the VM, and throws if it has failed to. A machine may still fail for other
    /// reasons.
    public func requireVM() throws(Failure) {
        wait()
        try shared.state.withLock { (state) throws(Failure) in
            if !state.hasVM, let failure = state.failure { throw failure }
        }
    }

    /// This host's KVM.
    func kvm() throws(Failure) -> KVMSystem {
        try shared.state.withLock { (state) throws(Failure) in try state.orFailure(state.kvm) }
    }

    /// Waits for the VM, gives it `memory` and interrupt controllers, and lets the thread create `cpuCount`
    /// vCPUs with `features` (`KVMSystem.guestFeatures`). Call it at most once.
    func prepare(
        _ memory: GuestMemory, cpuCount: Int, features: consuming sending CPUIDTable
    ) throws(Failure) -> PreparedVM {
        wait()
        let vm = try shared.state.withLock { (state) throws(Failure) in try state.orFailure(state.vm) }
        try vm.map(memory)
        try vm.createInterruptControllers(tssAddress: Layout.taskState.rawValue)
        let order = VCPUOrder(count: cpuCount, features: features)
        shared.state.withLock { $0.order = order }
        shared.ordered.post()
        return PreparedVM(vm: vm, order: order, start: self)
    }

    /// Waits for the vCPUs and hands them over. The start then holds nothing of the VM any more.
    fileprivate func takeCPUs() throws(Failure) -> [VCPUThread] {
        join()
        return try shared.takeCPUs()
    }

    /// Ends the thread. If building the machine failed before `prepare`, the thread learns here that no vCPUs
    /// are wanted.
    deinit {
        shared.ordered.post()
        join()
    }

    private func join() {
        thread.withLock { $0.take() }?.join()
    }

    /// Runs on the thread: creates the VM, then the vCPUs that `prepare` asks for.
    private static func create(from kvm: KVMSystem, for shared: Shared) {
        do throws(Failure) {
            let vm = try kvm.makeVirtualMachine()
            shared.state.withLock { ($0.vm, $0.hasVM) = (vm, true) }
            shared.created.post()
            try vm.restrictGuest()
            shared.ordered.wait()
            guard let order = shared.state.withLock({ $0.order }) else { return }
            for cpu in 0..<order.count {
                let made = try order.makeCPU(cpu, of: vm)
                shared.state.withLock { $0.cpus.append(made) }
            }
        } catch {
            shared.fail(error)
        }
    }
}

/// A VM with memory and interrupt controllers, whose vCPUs are being created.
struct PreparedVM {
    let vm: VirtualMachine
    let order: VCPUOrder
    let start: MachineStart

    /// Waits for the vCPUs, of which the first is CPU 0, and hands them over.
    ///
    /// With `withoutLocalAPIC` the vCPUs offer no feature that needs a local APIC, because the guest may
    /// leave its own off. The kernel's entry decides that, and it is known only after the vCPUs exist.
    func cpus(withoutLocalAPIC: Bool = false) throws(Failure) -> [VCPUThread] {
        let cpus = try start.takeCPUs()
        if withoutLocalAPIC { try order.withholdAPICFeatures(from: cpus) }
        return cpus
    }
}

/// The vCPUs that a machine wants: their number and their features.
final class VCPUOrder: Sendable {
    let count: Int
    private let features: Mutex<CPUIDTable>

    fileprivate init(count: Int, features: consuming sending CPUIDTable) {
        self.count = count
        self.features = Mutex(features)
    }

    /// The features before they are made a CPU's own (`CPUIDTable.normalize`).
    var featureEntries: [CPUIDTable.Entry] { features.withLock { $0.entries } }

    fileprivate func makeCPU(_ cpu: Int, of vm: VirtualMachine) throws(Failure) -> VCPUThread {
        let vcpu = try vm.makeVCPU(UInt32(cpu))
        try features.withLock { (features) throws(Failure) in
            try vcpu.setUp(cpu: cpu, of: count, features: features)
        }
        return VCPUThread(vcpu, cpu: cpu)
    }

    /// Sets up `cpus`, which have not run, a second time.
    fileprivate func withholdAPICFeatures(from cpus: [VCPUThread]) throws(Failure) {
        try features.withLock { (features) throws(Failure) in
            features.withholdAPICFeatures()
            for cpu in cpus { try cpu.setUp(of: count, features: features) }
        }
    }
}

/// The values that a start and its thread share. The thread must not hold the start itself, whose end it
/// waits for.
///
/// `Result` would do for much of it, but its generic type is looked up at run time, among all conformances of
/// the program, which costs half a millisecond.
private final class Shared: Sendable {
    struct State {
        var kvm: KVMSystem?
        var vm: VirtualMachine?
        /// Whether the VM was created, also after it was handed over.
        var hasVM = false
        var order: VCPUOrder?
        var cpus: [VCPUThread] = []
        var failure: Failure?

        /// Returns `part`, or throws the failure because of which it is missing.
        func orFailure<Part>(_ part: Part?) throws(Failure) -> Part {
            if let part { return part }
            throw failure
                ?? Failure(.software, "the machine cannot start", because: "no part of it gave a reason")
        }
    }

    let state = Mutex(State())
    /// Posted when the VM exists, or never will.
    let created = Semaphore()
    /// Posted when `order` is set, or never will be.
    let ordered = Semaphore()

    func fail(_ failure: Failure) {
        state.withLock { $0.failure = failure }
        created.post()
    }

    /// Removes the vCPUs and the VM; throws if not all vCPUs could be created.
    func takeCPUs() throws(Failure) -> [VCPUThread] {
        try state.withLock { (state) throws(Failure) in
            let cpus = state.cpus
            (state.vm, state.order, state.cpus) = (nil, nil, [])
            if let failure = state.failure { throw failure }
            return cpus
        }
    }
}
