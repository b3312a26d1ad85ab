import GuestMemory
import Host
import KVM
import TestSupport
import Testing

@Suite("What a vCPU leaves the guest for")
struct ExitTests {
    typealias I = Instructions
    static let window: UInt32 = 0xD000_0000

    @Test("port reads get their answers and port writes carry their values, in every width")
    func ports() throws {
        let bench = try GuestFixture.flat(
            I.port(0x123) + I.eax(0) + I.inByte + I.outByte + I.inWord + I.outWord + I.inLong + I.outLong)
        for (byteCount, answer) in [(UInt8(1), UInt32(0x42)), (2, 0xBEEF), (4, 0xCAFE_F00D)] {
            guard case .portRead(0x123, byteCount, 1) = bench.next() else { throw UnexpectedExit(.shutdown) }
            bench.vcpu.answer(0, answer)
            let exit = bench.next()
            guard case .portWrite(0x123, byteCount, 1) = exit else { throw UnexpectedExit(exit) }
            #expect(bench.vcpu.written(0) == answer)
        }
    }

    @Test("a string write gives every element, however many leave the guest at once", arguments: [1, 2])
    func stringWrite(width: UInt8) throws {
        let text = Array("a string of the guest's".utf8) + [0]
        let count = text.count / Int(width)
        let bench = try GuestFixture.flat(
            I.port(0x3F8) + I.esi(0x2000) + I.ecx(UInt32(count)) + (width == 1 ? I.repOutByte : I.repOutWord)
                + I.show(at: 0x700))
        try bench.memory.write(text, at: GuestAddress(0x2000))
        var seen: [UInt8] = []
        while seen.count < count * Int(width) {
            let exit = bench.next()
            guard case .portWrite(0x3F8, width, let elements) = exit else { throw UnexpectedExit(exit) }
            for index in 0..<elements {
                let value = bench.vcpu.written(index)
                seen += (0..<UInt32(width)).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            }
        }
        #expect(seen == text)
        _ = try bench.nextWrite(to: 0x700)
    }

    @Test("a string read takes an answer for every element")
    func stringRead() throws {
        let bench = try GuestFixture.flat(
            I.port(0x60) + I.edi(0x3000) + I.ecx(10) + I.repInByte + I.show(at: 0x700))
        var given: UInt8 = 0
        while given < 10 {
            let exit = bench.next()
            guard case .portRead(0x60, 1, let elements) = exit else { throw UnexpectedExit(exit) }
            for index in 0..<elements {
                given += 1
                bench.vcpu.answer(index, UInt32(given))
            }
        }
        _ = try bench.nextWrite(to: 0x700)
        #expect(try bench.memory.bytes(at: GuestAddress(0x3000), count: 11) == Array(1...10) + [0])
    }

    @Test("reads and writes where no memory is, in every width", arguments: [1, 2, 4])
    func mmio(width: Int) throws {
        let address = UInt64(Self.window) + 0x10
        let bench = try GuestFixture.flat(
            I.load(width, from: Self.window + 0x10) + I.store(width, to: Self.window + 0x20)
                + I.show(at: 0x700))
        let read = bench.next()
        guard case .mmioRead(address, UInt8(width)) = read else { throw UnexpectedExit(read) }
        bench.vcpu.answerMMIO(0x8899_AABB_CCDD_EEFF)
        let write = bench.next()
        guard case .mmioWrite(address + 0x10, UInt8(width), let value) = write else {
            throw UnexpectedExit(write)
        }
        #expect(value == 0xCCDD_EEFF & (1 << (8 * UInt64(width)) - 1), "and nothing above its width")
        _ = try bench.nextWrite(to: 0x700)
    }

    @Test("a doorbell rings without leaving the guest; another value leaves it")
    func doorbell() throws {
        let bell = Self.window + 0x50
        let bench = try GuestFixture.flat(
            I.eax(3) + I.store(4, to: bell) + I.eax(4) + I.store(4, to: bell) + I.show(at: 0x700))
        let event = try EventFD()
        try bench.vm.connect(event, toWriteOf: 3, at: GuestAddress(UInt64(bell)))
        let exit = bench.next()
        guard case .mmioWrite(UInt64(bell), 4, 4) = exit else { throw UnexpectedExit(exit) }
        #expect(event.drain())
        _ = try bench.nextWrite(to: 0x700)
        #expect(!event.drain())
    }

    @Test("a kick brings out a vCPU that never would come by itself")
    func kick() throws {
        let bench = try GuestFixture.flat(I.show(at: 0x700) + I.spin)
        _ = try bench.nextWrite(to: 0x700)
        Signals.makeInterrupting(10)
        let (wasInterrupted, ended) = (try EventFD(), try EventFD())
        let kick = bench.vcpu.kick
        let thread = try HostThread(named: "vcpu", allowing: 10) {
            if case .interrupted = bench.vcpu.run() { wasInterrupted.signal() }
            ended.signal()
        }
        kick.request()
        thread.interrupt(with: 10)
        #expect(ended.wait(milliseconds: WatchdogExpired.milliseconds))
        thread.join()
        #expect(wasInterrupted.drain())
    }

    @Test("a kick that comes before the run ends that run and all that follow")
    func earlyKick() throws {
        let bench = try GuestFixture.flat(I.eax(5) + I.show(at: 0x700))
        bench.vcpu.kick.request()
        for _ in 0..<3 {
            let exit = bench.vcpu.run()
            guard case .interrupted = exit else { throw UnexpectedExit(exit) }
        }
        #expect(try bench.vcpu.registers().rip == GuestFixture.codeAddress.rawValue, "nothing was run")
    }

    @Test("a triple fault is a shutdown")
    func tripleFault() throws {
        let exit = try GuestFixture.tiny("triplefault").next()
        guard case .shutdown = exit else { throw UnexpectedExit(exit) }
    }

    @Test("an instruction that KVM cannot emulate is internal error 1, at that instruction")
    func badInstruction() throws {
        let bench = try GuestFixture.tiny("badinsn")
        var exit = bench.next()
        // It may read what it would compare before it gives up.
        while case .mmioRead = exit { exit = bench.next() }
        guard case .internalError(1) = exit else { throw UnexpectedExit(exit) }
        let registers = try bench.vcpu.registers()
        let translated = bench.vcpu.translate(registers.rip)
        #expect(
            [registers.rax, registers.rbx, registers.rcx, registers.rdx] == [0x11, 0x22, 0xD000_0000, 0x33])
        let place = try #require(translated)
        #expect(try bench.memory.bytes(at: place, count: 5) == [0xF0, 0x48, 0x0F, 0xC7, 0x09])
    }
}
