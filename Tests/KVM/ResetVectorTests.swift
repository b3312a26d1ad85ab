import GuestMemory
import Host
import KVM
import TestSupport
import Testing

@Suite("From the reset vector")
struct ResetVectorTests {
    typealias I = Instructions

    @Test("the stub enters 64-bit code as the boot protocol says")
    func state() throws {
        let bench = try GuestFixture.fromReset(
            [I.eaxFromCS, I.eaxFromDS, I.eaxFromSS, I.eaxFromESI, I.eaxFromCR0].flatMap {
                $0 + I.show(at: 0x700)
            },
            argument: 0x7000)
        let shown = try (0..<5).map { _ in try bench.nextWrite(to: 0x700) }
        #expect(shown[..<4] == [0x10, 0x18, 0x18, 0x7000])
        #expect(shown[4] & 0x8000_0001 == 0x8000_0001, "paging and protection are on")
        let registers = try bench.vcpu.registers()
        #expect(registers.rflags & 1 << 9 == 0, "interrupts are off")
        let control = try bench.vcpu.controlRegisters()
        #expect(
            control.first { $0.name == "efer" }.map { $0.value & 0x500 } == 0x500,
            "64-bit mode is on and active")
    }

    @Test("without an entry it says so and resets")
    func noEntry() throws {
        let bench = try GuestFixture.fromReset([])
        try bench.launch(0)
        #expect(try bench.nextWrite(to: 0x700) == 0x81)
        #expect(try bench.nextWrite(to: 0x602) == 1)
    }

    @Test("the ROM keeps its bytes; a write to it leaves the guest")
    func rom() throws {
        let bench = try GuestFixture.fromReset(
            I.rbx(0xFFFF_F000) + I.storeByteBehindRBX(0x5A) + I.loadByteAtRBX + I.port(0x700) + I.outByte)
        let before = bench.romByte(at: 1)
        #expect(before != 0x5A)
        let exit = bench.next()
        guard case .mmioWrite(0xFFFF_F001, 1, 0x5A) = exit else { throw UnexpectedExit(exit) }
        #expect(try bench.nextWrite(to: 0x700) == UInt32(bench.romByte(at: 0)))
        #expect(bench.romByte(at: 1) == before)
    }

    @Test("memory goes on above the hole, in a slot of its own")
    func twoRegions() throws {
        let bench = try GuestFixture.fromReset(
            I.rbx(0x1_0000_0000) + I.loadByteAtRBX + I.storeByteBehindRBX(0x5A) + I.port(0x700) + I.outByte,
            memoryByteCount: 3 << 30 | 2 << 20)
        #expect(bench.memory.high != nil)
        try bench.memory.store(UInt8(0xA5), at: GuestAddress(0x1_0000_0000))
        // The stub maps 4 GiB; this gives its directory pointers a fifth entry, which leads to the page at 4
        // GiB.
        try bench.memory.store(UInt64(0xF003), at: GuestAddress(0x9000 + 0x1000 + 4 * 8))
        try bench.memory.store(UInt64(0x1_0000_00E3), at: GuestAddress(0xF000))
        #expect(try bench.nextWrite(to: 0x700) == 0xA5)
        let written: UInt8 = try bench.memory.load(at: GuestAddress(0x1_0000_0001))
        #expect(written == 0x5A)
    }

    @Test("an interrupt wakes a guest that waits for it")
    func interrupt() throws {
        let bench = try GuestFixture.tiny("idle")
        #expect(try bench.nextWrite(to: 0x700) == 1)
        let (woken, ended) = (try EventFD(), try EventFD())
        let thread = try HostThread(named: "vcpu") {
            if let mark = try? bench.nextWrite(to: 0x700), mark == 0x7F { woken.signal() }
            ended.signal()
        }
        // Long enough for the guest to halt; it would also find an interrupt that came before.
        #expect(!ended.wait(milliseconds: 50), "nothing else wakes it")
        bench.vm.setInterrupt(5, isHigh: true)
        bench.vm.setInterrupt(5, isHigh: false)
        #expect(ended.wait(milliseconds: WatchdogExpired.milliseconds))
        thread.join()
        #expect(woken.drain())
        #expect(try bench.nextWrite(to: 0x600) == 0x34)
    }
}
