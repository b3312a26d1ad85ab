import GuestMemory
import Host
import KVM
import Testing

@Suite("A vCPU's registers")
struct RegisterTests {
    @Test("the general registers come back as they were set")
    func general() throws {
        let bench = try GuestFixture.flat([])
        var r = VCPURegisters()
        (r.rax, r.rbx, r.rcx, r.rdx) = (0x1111_2222_3333_4444, 2, 3, 4)
        (r.rsi, r.rdi, r.rsp, r.rbp) = (5, 6, 7, 8)
        (r.r8, r.r9, r.r10, r.r11) = (9, 10, 11, 12)
        (r.r12, r.r13, r.r14, r.r15) = (13, 14, 15, .max)
        (r.rip, r.rflags) = (0x1234, 0x46)
        try bench.vcpu.set(r)
        let read = try bench.vcpu.registers()
        #expect([read.rax, read.rbx, read.rcx, read.rdx] == [r.rax, 2, 3, 4])
        #expect([read.rsi, read.rdi, read.rsp, read.rbp] == [5, 6, 7, 8])
        #expect([read.r8, read.r9, read.r10, read.r11] == [9, 10, 11, 12])
        #expect([read.r12, read.r13, read.r14, read.r15] == [13, 14, 15, .max])
        #expect([read.rip, read.rflags] == [0x1234, 0x46])
    }

    @Test("the control registers come back as they were set")
    func control() throws {
        let bench = try GuestFixture.flat([])
        var long = GuestFixture.flatMode
        long.code = VCPUSegment(selector: 0x10, limit: .max, type: 0xB, isLong: true)
        (long.cr0, long.cr3, long.cr4, long.efer) = (0x8000_0011, 0x9000, 0x20, 0x500)
        try bench.vcpu.set(long)
        let read = try bench.vcpu.controlRegisters()
        #expect(read.map(\.name) == ["cr0", "cr2", "cr3", "cr4", "efer"])
        #expect(read.map(\.value) == [0x8000_0011, 0, 0x9000, 0x20, 0x500])
    }

    @Test("a model-specific register is set, or named in the failure")
    func msrs() throws {
        let bench = try GuestFixture.flat([])
        try bench.vcpu.set([ModelSpecificRegister(0x2FF, 0xC06), ModelSpecificRegister(0x1A0, 1)])
        let failure = #expect(throws: Failure.self) {
            try bench.vcpu.set([ModelSpecificRegister(0x2FF, 0xC06), ModelSpecificRegister(0xDEAD_0000, 1)])
        }
        #expect(failure?.what == "cannot set a vCPU's MSR 0xdead0000")
    }

    @Test("without paging a linear address is the physical one; with it the guest's tables decide")
    func translation() throws {
        let bench = try GuestFixture.flat([])
        #expect(bench.vcpu.translate(0x1234) == GuestAddress(0x1234))
        // One page table for each level; linear 0x40_0000_0000 is the physical 2 MiB page at 0.
        try bench.memory.store(UInt64(0xA003), at: GuestAddress(0x9000))
        try bench.memory.store(UInt64(0xB003), at: GuestAddress(0xA000 + 8 * 256))
        try bench.memory.store(UInt64(0x00E3), at: GuestAddress(0xB000))
        var long = GuestFixture.flatMode
        long.code = VCPUSegment(selector: 0x10, limit: .max, type: 0xB, isLong: true)
        (long.cr0, long.cr3, long.cr4, long.efer) = (0x8000_0011, 0x9000, 0x20, 0x500)
        try bench.vcpu.set(long)
        #expect(bench.vcpu.translate(0x40_0000_1234) == GuestAddress(0x1234))
        #expect(bench.vcpu.translate(0x1234) == nil)
    }

    @Test("a guest sees the CPU features that its vCPU was given")
    func features() throws {
        let code =
            Instructions.eax(1) + Instructions.cpuid + Instructions.eaxFromEBX + Instructions.show(at: 0x700)
        let bench = try GuestFixture.flat(code)
        let table = try KVMSystem().supportedCPUID()
        table.forEach({ if $0.leaf == 1 { $0.ebx = $0.ebx & 0xFFFF | 0x2A40_0000 } })
        try bench.vcpu.set(table)
        #expect(try bench.nextWrite(to: 0x700) >> 16 == 0x2A40)
    }
}
