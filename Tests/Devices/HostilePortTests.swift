import Devices
import Synchronization
import TestSupport
import Testing

/// The events that chips have reported.
private final class EventCounts: Sendable {
    private let counts = Mutex<[MachineEvent: Int]>([:])

    var handler: MachineEventHandler {
        { [self] event in counts.withLock { $0[event, default: 0] += 1 } }
    }
    var all: [MachineEvent: Int] { counts.withLock { $0 } }
}

/// An output that keeps the last byte and counts all of them.
private final class LastByte: SerialOutput {
    private let state = Mutex<(last: UInt8?, count: Int)>((nil, 0))

    func writeWaiting(_ byte: UInt8) { state.withLock { $0 = (byte, $0.count + 1) } }
    var last: UInt8? { state.withLock { $0.last } }
    var count: Int { state.withLock { $0.count } }
}

/// One access of a driver to a chip. A hostile one does not care about offsets and widths.
private struct Access: Sendable {
    static let values: [UInt64] = [0, 1, 2, 0x34, 0x80, 0xBF, 0xFE, 0xFF, 0x1_0001, 0x8000_0000, .max]
    static let offsets: [UInt64] = Array(0...9) + [0xFF, 0x100, 0x3F8, .max - 1, .max]

    let isWrite: Bool
    let offset: UInt64
    let byteCount: Int
    let value: UInt64

    /// Every access: each offset, width and value, reads and writes.
    static let all: [Access] = offsets.flatMap { offset in
        [1, 2, 4].flatMap { byteCount in
            [Access(isWrite: false, offset: offset, byteCount: byteCount, value: 0)]
                + values.map { Access(isWrite: true, offset: offset, byteCount: byteCount, value: $0) }
        }
    }

    /// Returns the value that was read, or 0 after a write.
    @discardableResult
    func perform(on chip: some PortChip) -> UInt64 {
        if isWrite {
            chip.write(value, at: offset, byteCount: byteCount)
            return 0
        }
        let value = chip.read(at: offset, byteCount: byteCount)
        #expect(value >> (8 * byteCount) == 0)
        return value
    }
}

/// A driver that uses every register in any order and width.
@Suite struct HostilePortTests {
    /// Makes each chip that has no state.
    private static func chips(_ handler: @escaping MachineEventHandler) -> [any PortChip] {
        [
            I8042(handler: handler), PVPanic(handler: handler), PowerControl(handler: handler),
            ResetControl(handler: handler), BootMarker(handler: handler),
        ]
    }

    /// The chips keep nothing between two accesses, so that a saved machine has nothing of theirs: a new chip
    /// answers and reports as one that has been in use for long.
    @Test(arguments: 0..<5) func aNewChipAnswersLikeAUsedOne(_ index: Int) {
        var random = SplitMix64(seed: UInt64(index))
        let used = Self.chips { _ in }[index]
        for access in Access.all.shuffled(using: &random) { access.perform(on: used) }
        let (before, after) = (EventCounts(), EventCounts())
        let (first, second) = (Self.chips(before.handler)[index], Self.chips(after.handler)[index])
        for access in Access.all.shuffled(using: &random) { access.perform(on: first) }
        for access in Access.all.shuffled(using: &random) {
            let isSame = access.perform(on: used) == access.perform(on: second)
            #expect(isSame, "\(access)")
        }
        #expect(before.all == after.all)
        #expect(!after.all.isEmpty)
    }

    @Test(arguments: 0..<5) func everyAccessIsAnswered(_ index: Int) {
        let counts = EventCounts()
        let chip = Self.chips(counts.handler)[index]
        for access in Access.all { access.perform(on: chip) }
        let expected: Set<MachineEvent> =
            switch index {
            case 0, 3: [.reset]
            case 1: [.panicked, .crashLoaded]
            case 2: [.reset, .powerOff]
            default: []
            }
        if index == 4 {
            let isMarker = counts.all.keys.allSatisfy { if case .mark = $0 { true } else { false } }
            #expect(isMarker)
        } else {
            #expect(Set(counts.all.keys) == expected)
        }
        #expect(chip.read(at: .max, byteCount: 4) & 0xFF == 0xFF)
    }

    @Test(arguments: UInt64(0)..<8) func aSerialPortSurvivesAnyDriver(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let (line, output) = (try TestLine(), LastByte())
        let port = Serial16550(line: line, output: output)
        port.whenRoomAppears {}
        for round in 0..<20 {
            for access in Access.all.shuffled(using: &random) {
                access.perform(on: port)
                if random.next() % 4 == 0 {
                    let bytes = [UInt8](repeating: 7, count: Int(random.next() % 40))
                    #expect(port.receive(bytes[...]) <= min(bytes.count, UART16550.fifoByteCount))
                }
                #expect(port.state.received.count <= UART16550.fifoByteCount)
            }
            #expect(try UART16550(port.state).state == port.state, "round \(round)")
            try expectWorks(port, line, output)
        }
    }

    /// A driver that sets the port up finds it as if it were new.
    private func expectWorks(_ port: Serial16550, _ line: TestLine, _ output: LastByte) throws {
        let setUp: [(UInt64, UInt64)] = [(3, 3), (1, 0), (4, 0), (2, 7), (4, 0x0B), (1, 1)]
        for (offset, value) in setUp {
            port.write(value, at: offset, byteCount: 1)
        }
        for offset in [5, 0, 2, 6] as [UInt64] { _ = port.read(at: offset, byteCount: 1) }
        #expect(port.read(at: 5, byteCount: 1) == 0x60)
        #expect(port.read(at: 2, byteCount: 1) == 0xC1)
        let (sent, interrupts) = (output.count, line.count)
        port.write(0x41, at: 0, byteCount: 1)
        #expect((output.last, output.count) == (0x41, sent + 1))
        #expect(port.receive([0x42]) == 1)
        #expect(line.count == interrupts + 1)
        #expect(port.read(at: 2, byteCount: 1) == 0xC4)
        #expect(port.read(at: 0, byteCount: 1) == 0x42)
    }
}
