import Boot
import GuestMemory
import Host
import KVM
import Testing

@testable import Machine

@Suite("VCPUMaker, on /dev/kvm")
struct VCPUMakerTests {
    @Test func itMakesTheCPUsInTheirOrder() throws {
        let kvm = try KVMSystem()
        let maker = try VCPUMaker(3, of: kvm)
        let system = try kvm.makeVirtualMachine()
        try system.createInterruptControllers(tssAddress: Layout.taskState.rawValue)
        maker.provide(system)
        #expect(try maker.finish().map(\.index) == [0, 1, 2])
    }

    @Test func whatKVMRefusesIsAFailureOfItsOwn() throws {
        let kvm = try KVMSystem()
        let maker = try VCPUMaker(2, of: kvm)
        let system = try kvm.makeVirtualMachine()
        _ = try system.makeVCPU(1)
        maker.provide(system)
        let failure = try #require(throws: Failure.self) { _ = try maker.finish() }
        #expect(failure.description.contains("cannot create vCPU 1"))
    }

    /// Without a machine its thread would wait for ever, and this test with it.
    @Test func nobodyHasToProvideAMachine() throws {
        for _ in 0..<10 { _ = try VCPUMaker(1, of: KVMSystem()) }
    }
}
