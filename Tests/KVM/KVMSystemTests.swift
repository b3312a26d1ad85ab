import GuestMemory
import Host
import KVM
import Testing

@Suite("KVMSystem and CPUIDTable, on /dev/kvm")
struct KVMSystemTests {
    @Test("has everything that vmm asks for")
    func requirements() throws {
        let kvm = try KVMSystem()
        let missing = kvm.missingRequirements().map(\.name)
        #expect(missing.isEmpty)
        #expect(KVMSystem.requirements.count == 5)
    }

    @Test("tells its limits; a capability that does not exist is 0")
    func capabilities() throws {
        let kvm = try KVMSystem()
        #expect(kvm.value(of: .maximumVCPUs) >= 64)
        #expect(kvm.value(of: KVMCapability(rawValue: 10)) >= 32, "KVM_CAP_NR_MEMSLOTS")
        #expect(kvm.value(of: KVMCapability(rawValue: 1_000_000)) == 0)
    }

    @Test("asks for hardware virtualization exactly where there is none")
    func virtualization() throws {
        let kvm = try KVMSystem()
        if Virtualization.ofThisHost() != .none {
            try kvm.requireHardwareVirtualization()
        } else {
            let failure = #expect(throws: Failure.self) { try kvm.requireHardwareVirtualization() }
            #expect(failure?.kind == .unavailable)
            #expect(failure?.cure?.contains("--allow-emulation") == true)
        }
    }

    @Test("knows the CPU's features by leaf and subleaf, and keeps what is changed")
    func cpuid() throws {
        let table = try KVMSystem().supportedCPUID()
        let largest = try #require(table.entry(leaf: 0)?.eax)
        #expect(largest >= 1)
        #expect(table.entry(leaf: 1) != nil)
        #expect(table.entry(leaf: 0x8000_0000) != nil)
        #expect(table.entry(leaf: 0x0BAD_0BAD) == nil)
        #expect(table.entry(leaf: 1, subleaf: 99) == nil)
        table.forEach({ if $0.leaf == 1 { $0.ebx = 0xCAFE } })
        #expect(table.entry(leaf: 1)?.ebx == 0xCAFE)
        #expect(try KVMSystem().supportedCPUID().entry(leaf: 1)?.ebx != 0xCAFE)
    }

    @Test("makes machines independent of each other, and 64 vCPUs in one")
    func vcpus() throws {
        let kvm = try KVMSystem()
        let first = try kvm.makeVirtualMachine()
        let second = try kvm.makeVirtualMachine()
        try first.createInterruptControllers(tssAddress: 0xFFFB_D000)
        try second.createInterruptControllers(tssAddress: 0xFFFB_D000)
        for index in 0..<UInt32(64) {
            let vcpu = try first.makeVCPU(index)
            #expect(try vcpu.registers().rip == 0xFFF0)
        }
        let other = try second.makeVCPU(0)
        #expect(try other.registers().rip == 0xFFF0)
    }

    @Test("what the kernel refuses is a failure that says what was tried")
    func failures() throws {
        let vm = try KVMSystem().makeVirtualMachine()
        try vm.createInterruptControllers(tssAddress: 0xFFFB_D000)
        let twice = #expect(throws: Failure.self) {
            try vm.createInterruptControllers(tssAddress: 0xFFFB_D000)
        }
        #expect(twice?.what == "cannot create the interrupt controllers")
        _ = try vm.makeVCPU(3)
        let again = #expect(throws: Failure.self) { _ = try vm.makeVCPU(3) }
        #expect(again?.what == "cannot create vCPU 3")
        let event = try EventFD()
        try vm.connect(event, toWriteOf: 1, at: GuestAddress(0xD000_0050))
        #expect(throws: Failure.self) {
            try vm.connect(event, toWriteOf: 1, at: GuestAddress(0xD000_0050))
        }
    }
}
