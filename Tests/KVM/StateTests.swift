import GuestMemory
import Host
import KVM
import TestSupport
import Testing

@Suite("The state of a guest, saved and restored into another VM")
struct StateTests {
    /// The marks of the guest `state` for one turn.
    private static let turn = [UInt32](repeating: 2, count: 4)
    private static let passed: UInt32 = 0x7F

    /// Runs `bench` to its end; returns its marks. `next` returns the fixture in which it goes on after a
    /// mark.
    private func marks(
        of bench: GuestFixture, next: (GuestFixture, Int) throws -> GuestFixture
    ) throws -> [UInt32] {
        var bench = bench
        var marks: [UInt32] = []
        while true {
            let exit = bench.next()
            switch exit {
            case .portWrite(0x700, 1, 1):
                marks.append(bench.vcpu.written(0))
                bench = try next(bench, marks.count)
            case .portWrite(0x600, _, _), .portWrite(0x602, _, _): return marks
            default: throw UnexpectedExit(exit)
            }
        }
    }

    @Test("a guest that goes on in another VM after every exit notices nothing")
    func everyExit() throws {
        let marks = try marks(of: .tiny("state", argument: 3)) { bench, _ in try .restored(bench.save()) }
        #expect(marks == Self.turn + Self.turn + Self.turn + [Self.passed])
    }

    @Test("nor does one that is stopped at any time, halted or not, with its 8254 running", arguments: 0...2)
    func anyTime(first: UInt64) throws {
        var random = SplitMix64(seed: first)
        var bench = try GuestFixture.tiny("timer", argument: first)
        try bench.vm.createIntervalTimer(.untouched)
        var saveCount = 0
        while true {
            let exit = try bench.run(milliseconds: Int32(1 + random.next() % 4))
            if case .portWrite(0x700, 1, 1) = exit {
                #expect(bench.vcpu.written(0) == Self.passed)
                break
            }
            guard case .interrupted = exit else { throw UnexpectedExit(exit) }
            bench = try .restored(bench.save(hasIntervalTimer: true))
            saveCount += 1
        }
        #expect(saveCount > 0)
    }

    @Test("the saved state is the restored one")
    func equality() throws {
        let bench = try GuestFixture.tiny("state", argument: 1)
        for _ in 0..<2 { _ = try bench.nextWrite(to: 0x700) }
        let saved = try bench.save()
        var again = try GuestFixture.restored(saved).save()
        #expect(again.vcpu.timeStamp >= saved.vcpu.timeStamp && again.clock >= saved.clock)
        (again.vcpu.timeStamp, again.vcpu.timeStampOffset) =
            (saved.vcpu.timeStamp, saved.vcpu.timeStampOffset)
        #expect(again.vcpu == saved.vcpu)
        #expect(again.controllers == saved.controllers)
        #expect(again.memory == saved.memory)
    }

    /// A change of a saved state, and the check of the guest `state` that finds it.
    struct Change: Sendable, CustomStringConvertible {
        let description: String
        /// The number of the mark at which the guest is saved.
        let mark: Int
        let check: UInt32
        let apply: @Sendable (inout SavedGuest) -> Void
    }

    private static let changes = [
        Change(description: "RBX", mark: 1, check: 1) { $0.vcpu.registers.rbx += 1 },
        Change(description: "flags", mark: 1, check: 2) { $0.vcpu.registers.rflags &= ~(1 << 10) },
        Change(description: "CR2", mark: 1, check: 3) { $0.vcpu.specialRegisters[controlRegisters + 8] ^= 1 },
        Change(description: "DR1", mark: 1, check: 5) { $0.vcpu.debugRegisters[8] ^= 1 },
        Change(description: "XMM3", mark: 1, check: 6) { $0.vcpu.extendedState[160 + 3 * 16] ^= 1 },
        Change(description: "IOAPIC", mark: 1, check: 7) { $0.controllers.chips[2][8 + 24 + 7 * 8] ^= 0x40 },
        Change(description: "8259A", mark: 1, check: 8) { $0.controllers.chips[0][8 + 2] ^= 4 },
        Change(description: "LSTAR", mark: 1, check: 23) { saved in
            for index in saved.vcpu.modelSpecific.indices
            where saved.vcpu.modelSpecific[index].index == 0xC000_0082 {
                saved.vcpu.modelSpecific[index].value += 1
            }
        },
        // The task priority, which CR8 shows.
        Change(description: "LAPIC", mark: 1, check: 4) { $0.vcpu.localAPIC[0x80] = 0x30 },
    ]
    /// The offset of CR0 in struct kvm_sregs: eight segments of 24 bytes and two tables of 16.
    private static let controlRegisters = 8 * 24 + 2 * 16

    @Test("each part of the state is restored: a change of it is found by the guest", arguments: changes)
    func everyPart(change: Change) throws {
        let marks = try marks(of: .tiny("state", argument: 1)) { bench, count in
            guard count == change.mark else { return bench }
            var saved = try bench.save()
            change.apply(&saved)
            return try .restored(saved)
        }
        #expect(marks.last == 0x80 | change.check)
    }

    @Test("the time stamp counter goes on from its saved value")
    func timeStamp() throws {
        let marks = try marks(of: .tiny("state", argument: 1)) { bench, count in
            guard count == 1 else { return bench }
            var saved = try bench.save()
            saved.vcpu.timeStamp &-= 1 << 40
            return try .restored(saved)
        }
        // Without hardware virtualization a guest reads the host's own counter, whatever its offset.
        let hasOffset = Virtualization.ofThisHost() != .none
        #expect(marks.last == (hasOffset ? 0x80 | 9 : Self.passed))
    }

    @Test("all vCPUs are shifted by the time that passed for the first")
    func timeShift() throws {
        let format = try KVMSystem().vcpuStateFormat()
        let first = try GuestFixture.tiny("spin").vcpu.state(format)
        var second = first
        second.timeStampOffset &-= 1000
        let restored = [try GuestFixture.tiny("spin"), try GuestFixture.tiny("spin")]
        let shift = try restored[0].vcpu.restore(first, format)
        #expect(try restored[1].vcpu.restore(second, format, timeShift: shift) == shift)
        let offsets = try restored.map { try $0.vcpu.state(format).timeStampOffset }
        // Without hardware virtualization no counter has an offset.
        #expect(offsets[0] &- offsets[1] == (Virtualization.ofThisHost() != .none ? 1000 : 0))
    }
}

@Suite("A state that no guest ever had")
struct HostileStateTests {
    private let format: VCPUStateFormat
    private let state: VCPUState

    init() throws {
        format = try KVMSystem().vcpuStateFormat()
        state = try GuestFixture.tiny("state", argument: 1).vcpu.state(format)
    }

    /// The failure of a restore into a new vCPU.
    private func failure(_ change: (inout VCPUState) -> Void) throws -> Failure? {
        var changed = state
        change(&changed)
        let vcpu = try GuestFixture.flat([])
        do throws(Failure) {
            try vcpu.vcpu.restore(changed, format)
            return nil
        } catch { return error }
    }

    @Test("a part with another size is refused, and so is what KVM would take for another state")
    func malformed() throws {
        #expect(try failure { _ in } == nil)
        let parts: [WritableKeyPath<VCPUState, [UInt8]>] = [
            \.specialRegisters, \.extendedState, \.extendedControl, \.debugRegisters, \.localAPIC, \.events,
        ]
        for part in parts {
            #expect(try failure { $0[keyPath: part].removeLast() }?.kind == .badInput)
            #expect(try failure { $0[keyPath: part].append(0) }?.kind == .badInput)
            #expect(try failure { $0[keyPath: part] = [] }?.kind == .badInput)
        }
        #expect(try failure { $0.activity = 5 }?.why == "the vCPU is in the unknown activity 5")
        #expect(try failure { $0.activity = .max }?.kind == .badInput)
        #expect(try failure { $0.timeStampFrequency /= 2 }?.why.contains("time stamp counter") == true)
        #expect(try failure { $0.timeStampFrequency = 0 }?.kind == .badInput)
        #expect(try failure { $0.timeStampFrequency = .max }?.kind == .badInput)
    }

    /// KVM writes and reads the area of XSAVE in its own size, beyond the end of a shorter buffer.
    @Test("a format with another area of XSAVE is refused, by a save too")
    func otherFormat() throws {
        let byteCount = format.extendedStateByteCount
        for (byteCount, isLarge) in [(0, true), (4096, byteCount > 4096), (byteCount + 64, true)]
        where byteCount != format.extendedStateByteCount {
            var writer = ByteWriter()
            writer.list(format.modelSpecificRegisters) { $0.u32($1) }
            writer.u32(UInt32(byteCount))
            writer.flag(isLarge)
            let other = try #require(VCPUStateFormat(decoding: writer.bytes))
            let guest = try GuestFixture.flat([])
            var changed = state
            changed.extendedState = [UInt8](repeating: 0, count: byteCount)
            #expect(throws: Failure.self) { try guest.vcpu.restore(changed, other) }
            #expect(throws: Failure.self) { try guest.vcpu.state(other) }
        }
    }

    @Test("only registers that are saved are restored, each once and in their order")
    func registers() throws {
        let unknown = ModelSpecificRegister(0xDEAD_0000, 1)
        #expect(try failure { $0.modelSpecific = [unknown] }?.why.contains("0xdead0000") == true)
        // The time stamp counter has a field of its own.
        #expect(try failure { $0.modelSpecific = [ModelSpecificRegister(0x10, 1)] }?.kind == .badInput)
        #expect(try failure { $0.modelSpecific.reverse() }?.kind == .badInput)
        #expect(try failure { $0.modelSpecific += $0.modelSpecific }?.kind == .badInput)
        let deadline = format.modelSpecificRegisters.last
        #expect(deadline == 0x6E0, "the deadline is restored after the counter and the LAPIC")
        #expect(!format.modelSpecificRegisters.contains { (0xC1...0xC8).contains($0) })
    }

    @Test("random bytes are refused or taken, and the monitor lives", arguments: 0..<20)
    func random(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let parts: [WritableKeyPath<VCPUState, [UInt8]>] = [
            \.specialRegisters, \.extendedState, \.extendedControl, \.debugRegisters, \.localAPIC, \.events,
        ]
        for part in parts {
            let failure = try failure { state in
                state[keyPath: part] = state[keyPath: part].map { _ in .random(in: 0...255, using: &random) }
            }
            #expect(failure.map { $0.kind == .host || $0.kind == .badInput } ?? true)
        }
        _ = try failure { state in
            for index in state.modelSpecific.indices {
                state.modelSpecific[index].value = .random(in: 0 ... .max, using: &random)
            }
        }
        _ = try failure { state in
            state.registers.rip = .random(in: 0 ... .max, using: &random)
            state.registers.rflags = .random(in: 0 ... .max, using: &random)
            (state.timeStamp, state.timeStampOffset) = (.max, .random(in: 0 ... .max, using: &random))
        }
    }

    @Test("interrupt controllers with other chips, sizes or random registers")
    func controllers() throws {
        let vm = try GuestFixture.flat([]).vm
        let saved = try vm.interruptControllerState()
        func failure(_ change: (inout [[UInt8]]) -> Void) throws -> Failure? {
            var chips = saved.chips
            change(&chips)
            do throws(Failure) {
                try vm.restore(InterruptControllerState(chips: chips))
                return nil
            } catch { return error }
        }
        #expect(try failure { _ in } == nil)
        #expect(try failure { $0.removeLast() }?.why == "the state has 2 chips")
        #expect(try failure { $0.swapAt(0, 2) }?.why == "chip 0 of the state is another chip")
        #expect(try failure { $0[1].removeLast() }?.kind == .badInput)
        #expect(try failure { $0[2] = [] }?.kind == .badInput)
        var random = SplitMix64(seed: 1)
        for chip in 0..<3 {
            _ = try failure { chips in
                for index in 8..<chips[chip].count {
                    chips[chip][index] = .random(in: 0...255, using: &random)
                }
            }
        }
        #expect(throws: Failure.self) { try vm.restoreIntervalTimer([]) }
    }
}
