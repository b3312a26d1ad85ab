import Boot
import GuestMemory
import Host
import KVM
import TestSupport
import Testing

/// Linux jumps to F000:FFF0 in real mode where no other way of rebooting is left.
@Suite("The reset vector of real mode")
struct ResetVectorTests {
    @Test("asks the 8042 for a reset, then ACPI's register, then stops")
    func code() throws {
        let memory = try GuestMemory(byteCount: 4 << 20)
        let kernel = try TemporaryFile(tinyGuestImage("halt"))
        _ = try LinuxLoader.load(
            kernel: kernel.path, description: MachineDescription(apicIDs: [0]), into: memory
        ) { _ in "" }
        let vm = try KVMSystem().makeVirtualMachine()
        try vm.map(memory)
        let vcpu = try vm.makeVCPU(0)
        try vcpu.set(try KVMSystem().supportedCPUID())
        try vcpu.set(Self.realMode)
        var registers = VCPURegisters()
        registers.rip = 0xFFF0
        try vcpu.set(registers)
        try expectWrite(of: 0xFE, to: 0x64, vcpu)
        try expectWrite(of: 1, to: 0x602, vcpu)
        let exit = vcpu.run()
        guard case .halted = exit else { throw UnexpectedExit(exit) }
        #expect(try vcpu.registers().rflags & 1 << 9 == 0, "nothing wakes it")
    }

    private func expectWrite(of value: UInt32, to port: UInt16, _ vcpu: borrowing VCPU) throws {
        let exit = vcpu.run()
        guard case .portWrite(port, 1, 1) = exit else { throw UnexpectedExit(exit) }
        #expect(vcpu.written(0) == value)
    }

    /// As Linux leaves it: the segment of the BIOS, no protection.
    private static var realMode: VCPUSpecialRegisters {
        var code = VCPUSegment(selector: 0xF000, limit: 0xFFFF, type: 0xB)
        (code.base, code.is16Bit) = (0xF_0000, true)
        var data = VCPUSegment(selector: 0, limit: 0xFFFF, type: 0x3)
        data.is16Bit = true
        return VCPUSpecialRegisters(
            code: code, data: data,
            task: VCPUSegment(selector: 0, limit: 0xFFFF, type: 0xB, isSystem: true), cr0: 0x10)
    }
}

private struct UnexpectedExit: Error {
    let exit: VCPUExit
    init(_ exit: VCPUExit) { self.exit = exit }
}
