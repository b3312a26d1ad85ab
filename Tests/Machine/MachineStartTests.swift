import Boot
import GuestMemory
import Host
import Testing

@testable import KVM
@testable import Layout
@testable import Machine

@Suite("MachineStart, on /dev/kvm")
struct MachineStartTests {
    private func start() -> MachineStart { MachineStart { () throws(Failure) in try KVMSystem() } }

    private func prepare(_ start: MachineStart, cpuCount: Int) throws -> PreparedVM {
        let memory = try GuestMemory(byteCount: 2 << 20)
        return try start.prepare(memory, cpuCount: cpuCount, features: start.kvm().guestFeatures())
    }

    @Test func itMakesTheCPUsInTheirOrder() throws {
        let cpus = try prepare(start(), cpuCount: 3).cpus()
        #expect(cpus.map(\.index) == [0, 1, 2])
    }

    @Test func whatKVMRefusesIsAFailureOfItsOwn() throws {
        let memory = try GuestMemory(byteCount: 2 << 20)
        let leaf = CPUIDTable.Entry(leaf: 0, subleaf: 0, eax: 0, ebx: 0, ecx: 0, edx: 0)
        // KVM takes at most 256 entries.
        let features = CPUIDTable(Array(repeating: leaf, count: 300))
        let prepared = try start().prepare(memory, cpuCount: 2, features: features)
        let failure = try #require(throws: Failure.self) { _ = try prepared.cpus() }
        #expect(failure.description.contains("cannot set a vCPU's CPU features"))
        #expect(throws: Never.self, "the VM itself was created") { try prepared.start.requireVM() }
    }

    @Test func theVMHasMemoryAndInterruptControllers() throws {
        let prepared = try prepare(start(), cpuCount: 1)
        #expect(throws: Failure.self, "they exist already") {
            try prepared.vm.createInterruptControllers(tssAddress: Layout.taskState.rawValue)
        }
        _ = try prepared.vm.interruptControllerState()
    }

    /// Else a machine lived as long as whoever began it, and its cgroup with it.
    @Test func inTheEndNothingOfTheMachineIsHeld() throws {
        let start = start()
        weak var vm: VirtualMachine?
        weak var cpu: VCPUThread?
        do {
            let prepared = try prepare(start, cpuCount: 1)
            vm = prepared.vm
            cpu = try prepared.cpus().first
        }
        #expect(vm == nil && cpu == nil)
        withExtendedLifetime(start) {}
    }

    @Test func withoutKVMThereIsItsFailureWheneverOneAsks() throws {
        let start = MachineStart { () throws(Failure) in
            throw Failure(.unavailable, "cannot open it", because: "it is not there")
        }
        #expect(throws: Failure.self) { try start.requireVM() }
        for _ in 0..<2 {
            #expect(throws: Failure.self) { _ = try start.kvm() }
        }
        let memory = try GuestMemory(byteCount: 2 << 20)
        let failure = try #require(throws: Failure.self) {
            _ = try start.prepare(memory, cpuCount: 1, features: KVMSystem().guestFeatures())
        }
        #expect(failure.description.contains("it is not there"))
    }

    /// Without that its thread would wait for ever, and this test with it.
    @Test func nobodyHasToAskForAnything() throws {
        for _ in 0..<10 { _ = start() }
    }
}
