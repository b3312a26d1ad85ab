import TestSupport
import Testing
import Virtio

@testable import Devices

/// Saving and restoring the serial port: the driver sees no difference.
@Suite struct UART16550StateTests {
    /// The answers of a chip to one step of its driver or its wire.
    private struct Answer: Hashable {
        var read: UInt8?
        var sent: UInt8?
        let rises: Bool
        let freeByteCount: Int
    }

    /// Takes a step: a read or a write of any register, or a byte from the wire.
    private func take(_ step: UInt64, _ chip: inout UART16550) -> Answer {
        let (offset, value) = (UInt8(truncatingIfNeeded: step >> 8), UInt8(truncatingIfNeeded: step >> 16))
        var (read, sent): (UInt8?, UInt8?)
        switch step & 7 {
        case 0, 1: read = chip.read(offset)
        case 2: read = chip.read(5)  // polls are counted
        case 3, 4: sent = chip.write(value, offset)
        case 5: sent = chip.write(value | 0x0A, 4)  // a port that stays open
        default: chip.receive(value)
        }
        return Answer(
            read: read, sent: sent, rises: chip.takeInterruptEdge(), freeByteCount: chip.freeByteCount)
    }

    @Test(arguments: UInt64(0)..<20) func restoredAtAnyStepItAnswersTheSame(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var (chip, restored) = (UART16550(), UART16550())
        for index in 0..<4000 {
            if random.next() % 4 == 0 { restored = try UART16550(chip.state.throughBytes()) }
            let step = random.next()
            try #require(take(step, &chip) == take(step, &restored), "seed \(seed), step \(index)")
        }
    }

    @Test func everythingThatIsPendingStaysPending() throws {
        var chip = UART16550()
        _ = chip.write(0x80, 3)
        _ = chip.write(0x34, 0)
        _ = chip.write(0x12, 1)
        _ = chip.write(0x1A, 4)  // loopback: the modem lines change
        _ = chip.write(0x03, 3)
        _ = chip.write(0x0A, 4)
        _ = chip.write(0x81, 2)
        _ = chip.write(0x0F, 1)
        _ = chip.write(0x5A, 7)
        _ = chip.write(0x41, 0)  // THRE
        for byte in UInt8(0)..<17 { chip.receive(byte) }  // a full FIFO, and an overrun
        var restored = try UART16550(chip.state)
        #expect(restored.takeInterruptEdge() == true)
        #expect(restored.read(2) == 0xC6)
        #expect(restored.read(5) == 0x63)
        #expect(restored.read(2) == 0xC4)
        for byte in UInt8(0)..<16 { #expect(restored.read(0) == byte) }
        #expect(restored.read(2) == 0xC2)
        #expect(restored.read(2) == 0xC0)
        #expect(restored.read(6) & 0x0F != 0)
        #expect(restored.read(2) == 0xC1)
        #expect(restored.read(7) == 0x5A)
        _ = restored.write(0x80, 3)
        #expect([restored.read(0), restored.read(1)] == [0x34, 0x12])
    }

    @Test func aPortIsRestoredWithoutAnInterrupt() throws {
        let (old, line) = (try TestLine(), try TestLine())
        let output = try ConsoleOutput(descriptor: 1, notify: { _ in })
        let saved = Serial16550(line: old, output: output)
        saved.write(0x0A01, at: 3, byteCount: 2)  // 7 bits, RTS and OUT2
        saved.write(0x0101, at: 1, byteCount: 2)  // received data, FIFOs on
        #expect(saved.receive([1, 2, 3]) == 3)
        #expect(old.count == 1)
        let restored = try Serial16550(saved.state, line: line, output: output)
        #expect(line.count == 0)
        #expect(restored.state == saved.state)
        #expect(restored.read(at: 2, byteCount: 1) == 0xC4)
        #expect((0..<4).map { _ in restored.read(at: 0, byteCount: 1) } == [1, 2, 3, 0])
        #expect(restored.receive([4]) == 1)
        #expect(line.count == 1)
    }

    /// A change of a good state: three bytes in a FIFO of 16.
    private static let damages: [(String, @Sendable (inout UART16550.State) -> Void)] = [
        ("an interrupt that does not exist", { $0.interruptEnable = 0x10 }),
        ("a FIFO control that resets", { $0.fifoControl = 0x03 }),
        ("a trigger without FIFOs", { ($0.fifoControl, $0.received) = (0x40, []) }),
        ("a modem control bit that does not exist", { $0.modemControl |= 0x20 }),
        ("a modem line that is down", { $0.modemStatus = 0 }),
        ("loopback without its lines", { $0.modemControl = 0x1F }),
        ("seventeen bytes", { $0.received = [UInt8](repeating: 0, count: 17) }),
        ("two bytes without a FIFO", { ($0.fifoControl, $0.received) = (0, [1, 2]) }),
        ("more polls than are counted", { $0.polls = 17 }),
    ]

    @Test(arguments: damages.indices) func aStateThatCannotBeIsRefused(_ index: Int) throws {
        var chip = UART16550()
        _ = chip.write(0x01, 2)
        for byte in UInt8(0)..<3 { chip.receive(byte) }
        var state = chip.state
        #expect(try UART16550(state).state == state)
        Self.damages[index].1(&state)
        #expect(throws: SavedStateError.self, "\(Self.damages[index].0)") { try UART16550(state) }
    }

    /// Any state is either refused or works: it comes out as it went in, and every access is answered.
    @Test func randomStatesDoNoHarm() throws {
        var random = SplitMix64(seed: 7)
        var acceptedCount = 0
        for _ in 0..<20_000 {
            let (bits, other) = (random.next(), random.next())
            var state = UART16550.State()
            state.interruptEnable = UInt8(truncatingIfNeeded: bits) & 0x1F
            state.fifoControl = UInt8(truncatingIfNeeded: bits >> 8) & 0xC3
            state.modemControl = UInt8(truncatingIfNeeded: bits >> 16) & 0x3F
            state.modemStatus = bits >> 24 & 1 == 0 ? 0xB0 : UInt8(truncatingIfNeeded: bits >> 32)
            state.lineControl = UInt8(truncatingIfNeeded: bits >> 40)
            state.received = [UInt8](repeating: 1, count: Int(other % 19))
            state.polls = UInt8(truncatingIfNeeded: other >> 8) & 0x1F
            guard var chip = try? UART16550(state) else { continue }
            acceptedCount += 1
            #expect(chip.state == state)
            for _ in 0..<8 { _ = take(random.next(), &chip) }
        }
        #expect(acceptedCount > 100)
    }
}
