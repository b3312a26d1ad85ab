import Foundation
import GuestMemory
import Host
import TestSupport
import Testing

@testable import KVM

@Suite("What guests are kept from, and the exits that tell of it")
struct RestrictionTests {
    typealias I = Instructions

    /// A vCPU's shared memory with that reason for its exit, and those flags of struct kvm_run (at 8 and at
    /// 14).
    private func area(
        reason: UInt32, flags: UInt16 = 0, data: UInt32 = 0
    ) throws -> (area: VCPURunArea, file: TemporaryFile) {
        var bytes = [UInt8](repeating: 0, count: 12 << 10)
        for index in 0..<4 { bytes[8 + index] = UInt8(truncatingIfNeeded: reason >> (8 * index)) }
        for index in 0..<2 { bytes[14 + index] = UInt8(truncatingIfNeeded: flags >> (8 * index)) }
        for index in 0..<4 { bytes[32 + index] = UInt8(truncatingIfNeeded: data >> (8 * index)) }
        let file = try TemporaryFile(bytes)
        let descriptor = unsafe open(file.path, O_RDWR | O_CLOEXEC)
        defer { close(descriptor) }
        return (try VCPURunArea(of: descriptor, byteCount: bytes.count), file)
    }

    @Test("a locked bus is seen as a reason of its own and beside every other one")
    func busLocks() throws {
        let alone = try area(reason: 33).area
        guard case .busLock = alone.exit else { throw UnexpectedExit(alone.exit) }
        #expect(alone.hasLockedBus)
        let beside = try area(reason: 6, flags: 2).area
        guard case .mmioRead = beside.exit else { throw UnexpectedExit(beside.exit) }
        #expect(beside.hasLockedBus)
        #expect(try !area(reason: 6, flags: 1).area.hasLockedBus, "SMM is none")
    }

    @Test("an exit for blocked interrupts says whether the vCPU can go on", arguments: [UInt32(0), 1])
    func notify(flags: UInt32) throws {
        let exit = try area(reason: 37, data: flags).area.exit
        guard case .notify(flags == 1) = exit else { throw UnexpectedExit(exit) }
    }

    @Test(
        "a VM is restricted before it has a vCPU, which then runs, with KVM's features as its CPUID has them"
    )
    func restricted() throws {
        let vm = try KVMSystem().makeVirtualMachine()
        try vm.restrictGuest()
        try vm.createInterruptControllers(tssAddress: 0xFFFB_D000)
        let vcpu = try vm.makeVCPU(0)
        try vcpu.set(KVMSystem().supportedCPUID())
        try vcpu.enforceFeatures()
    }
}
