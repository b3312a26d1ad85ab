import GuestMemory
import Host
import KVM
import TestSupport
import TinyGuests

/// One vCPU, its memory and a few bytes of code: the smallest VM in which a test can look at an exit.
///
/// It needs /dev/kvm, with or without hardware virtualization under it. Without /dev/kvm every test that
/// makes one fails with the monitor's own message.
final class GuestFixture: Sendable {
    /// Where flat code lies.
    static let codeAddress = GuestAddress(0x1000)

    let vm: VirtualMachine
    let memory: GuestMemory
    let vcpu: VCPU
    private let rom: MappedRegion

    init(memoryByteCount: UInt64) throws {
        let stub = unsafe tiny_guest_reset_stub()
        let rom = try MappedRegion(guestRAM: unsafe stub.byte_count)
        unsafe rom.base.copyMemory(from: stub.bytes, byteCount: stub.byte_count)
        let vm = try KVMSystem().makeVirtualMachine()
        memory = try GuestMemory(byteCount: memoryByteCount)
        try vm.map(memory)
        try vm.map(readOnly: rom, at: GuestAddress(UInt64(TINY_GUEST_ROM_ADDRESS)))
        try vm.createInterruptControllers(tssAddress: 0xFFFB_D000)
        vcpu = try vm.makeVCPU(0)
        // Without it the CPU has no feature at all, not even 64-bit mode.
        try vcpu.set(try KVMSystem().supportedCPUID())
        self.rom = rom
        self.vm = vm
    }

    /// A vCPU that runs `code` in flat 32-bit mode without paging, interrupts off.
    static func flat(_ code: [UInt8]) throws -> GuestFixture {
        let bench = try GuestFixture(memoryByteCount: 2 << 20)
        try bench.memory.write(code, at: codeAddress)
        try bench.vcpu.set(flatMode)
        var registers = VCPURegisters()
        registers.rip = codeAddress.rawValue
        try bench.vcpu.set(registers)
        return bench
    }

    /// Protected mode: flat segments, no paging.
    static let flatMode = VCPUSpecialRegisters(
        code: VCPUSegment(selector: 0x08, limit: .max, type: 0xB),
        data: VCPUSegment(selector: 0x10, limit: .max, type: 0x3),
        task: VCPUSegment(selector: 0x18, limit: 0x67, type: 0xB, isSystem: true), cr0: 0x11)

    /// A vCPU at the reset vector, where the stub lies that enters `code` in 64-bit mode with `argument` in
    /// RSI.
    static func fromReset(
        _ code: [UInt8], argument: UInt64 = 0, memoryByteCount: UInt64 = 4 << 20
    ) throws -> GuestFixture {
        let bench = try GuestFixture(memoryByteCount: memoryByteCount)
        try bench.memory.write(code, at: GuestAddress(UInt64(TINY_GUEST_ADDRESS)))
        try bench.launch(UInt64(TINY_GUEST_ADDRESS), argument: argument)
        return bench
    }

    /// A tiny guest, entered through the stub with `argument` in RDI.
    static func tiny(_ name: String, argument: UInt64 = 0) throws -> GuestFixture {
        let guest = try TinyGuest(name)
        let bench = try GuestFixture(memoryByteCount: 4 << 20)
        try bench.memory.write(guest.image, at: GuestAddress(UInt64(TINY_GUEST_ADDRESS)))
        try bench.launch(guest.entry)
        var registers = try bench.vcpu.registers()
        registers.rdi = argument
        try bench.vcpu.set(registers)
        return bench
    }

    /// Writes the stub's launch block.
    func launch(_ entry: UInt64, argument: UInt64 = 0) throws {
        try memory.store(entry, at: GuestAddress(UInt64(TINY_GUEST_LAUNCH_BLOCK)))
        try memory.store(argument, at: GuestAddress(UInt64(TINY_GUEST_LAUNCH_BLOCK) + 8))
    }

    /// The bytes in the guest's ROM.
    func romByte(at offset: Int) -> UInt8 { unsafe rom.base.load(fromByteOffset: offset, as: UInt8.self) }

    /// Runs until the next exit that is no interruption.
    func next() -> VCPUExit {
        while true {
            let exit = vcpu.run()
            if case .interrupted = exit { continue }
            return exit
        }
    }

    /// The value of the next exit, which must be a write of one element to `port`.
    func nextWrite(to port: UInt16) throws -> UInt32 {
        let exit = next()
        guard case .portWrite(port, _, 1) = exit else { throw UnexpectedExit(exit) }
        return vcpu.written(0)
    }
}

/// The guest did something else than the test's code says.
struct UnexpectedExit: Error {
    let exit: VCPUExit
    init(_ exit: VCPUExit) { self.exit = exit }
}

/// A guest of firmware/, by name.
struct TinyGuest {
    let image: [UInt8]
    let entry: UInt64

    init(_ name: String) throws {
        for index in 0..<tiny_guest_count() {
            let guest = unsafe tiny_guest_at(index)
            guard unsafe String(cString: guest.name) == name else { continue }
            image = unsafe Array(UnsafeRawBufferPointer(start: guest.bytes, count: guest.byte_count))
            entry = unsafe tiny_guest_entry(guest)
            return
        }
        throw NoSuchGuest(name: name)
    }
}

struct NoSuchGuest: Error {
    let name: String
}
