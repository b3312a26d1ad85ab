import Boot
import GuestMemory
import Host
import KVM
import Testing

@testable import Layout
@testable import Machine

@Suite("MachineStart, on /dev/kvm")
struct MachineStartTests {
    private func start() -> MachineStart { MachineStart { () throws(Failure) in try KVMSystem() } }

    @Test func itMakesTheCPUsInTheirOrder() throws {
        let start = start()
        try start.system().createInterruptControllers(tssAddress: Layout.taskState.rawValue)
        try start.readFeatures()
        start.makeCPUs(3)
        #expect(try start.cpus().map(\.index) == [0, 1, 2])
    }

    @Test func whatKVMRefusesIsAFailureOfItsOwn() throws {
        let start = start()
        _ = try start.system().makeVCPU(1)
        try start.readFeatures()
        start.makeCPUs(2)
        let failure = try #require(throws: Failure.self) { _ = try start.cpus() }
        #expect(failure.description.contains("cannot create vCPU 1"))
    }

    @Test func whoeverAsksWaitsForTheMachineAndGetsTheSame() throws {
        let start = start()
        let system = try start.system()
        #expect(try start.system() === system)
    }

    /// Else a machine lived as long as whoever began it, and its cgroup with it.
    @Test func inTheEndNothingOfTheMachineIsHeld() throws {
        let start = start()
        weak let system = try start.system()
        try system?.createInterruptControllers(tssAddress: Layout.taskState.rawValue)
        try start.readFeatures()
        start.makeCPUs(1)
        weak let cpu = try start.cpus().first
        #expect(system == nil && cpu == nil)
        withExtendedLifetime(start) {}
    }

    @Test func withoutKVMThereIsItsFailureWheneverOneAsks() throws {
        let start = MachineStart { () throws(Failure) in
            throw Failure(.unavailable, "cannot open it", because: "it is not there")
        }
        for _ in 0..<2 {
            #expect(throws: Failure.self) { _ = try start.kvm() }
            let failure = try #require(throws: Failure.self) { _ = try start.system() }
            #expect(failure.description.contains("it is not there"))
        }
    }

    /// Without that its thread would wait for ever, and this test with it.
    @Test func nobodyHasToAskForAnything() throws {
        for _ in 0..<10 { _ = start() }
    }
}
