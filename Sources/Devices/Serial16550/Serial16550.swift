import Synchronization
public import Virtio

/// A 16550A on the port bus: the chip, its lock, its interrupt line and the console behind it.
public final class Serial16550: ByteRegisters, ConsoleReceiver {
    public static let byteCount: UInt64 = 8

    private let chip = Mutex(UART16550())
    private let line: any InterruptLine
    private let output: any SerialOutput
    private let room = RoomHandler()

    /// Makes a port that sends the guest's bytes to `output` and takes input through `receive`.
    public init(line: any InterruptLine, output: any SerialOutput) {
        self.line = line
        self.output = output
    }

    public func readRegister(_ offset: UInt64) -> UInt8 {
        guard offset < Self.byteCount else { return openBus }
        let (value, freed) = withChip { chip in
            let before = chip.freeByteCount
            let value = chip.read(UInt8(truncatingIfNeeded: offset))
            return (value, chip.freeByteCount > before)
        }
        if freed { room.call() }
        return value
    }

    /// Writes a register. The byte goes out after the chip's lock is released: a slow reader of the console
    /// delays only the vCPU that sent the byte.
    public func writeRegister(_ value: UInt8, _ offset: UInt64) {
        guard offset < Self.byteCount else { return }
        let (sent, freed) = withChip { chip in
            let before = chip.freeByteCount
            let sent = chip.write(value, UInt8(truncatingIfNeeded: offset))
            return (sent, chip.freeByteCount > before)
        }
        if freed { room.call() }
        if let sent { output.writeWaiting(sent) }
    }

    public func receive(_ bytes: ArraySlice<UInt8>) -> Int {
        withChip { chip in
            let accepted = bytes.prefix(chip.freeByteCount)
            for byte in accepted { chip.receive(byte) }
            return accepted.count
        }
    }

    public func whenRoomAppears(_ handler: @escaping @Sendable () -> Void) {
        room.connect(handler)
    }

    private func withChip<Result: Sendable>(_ body: (inout UART16550) -> Result) -> Result {
        let (result, rises) = chip.withLock { chip in
            let result = body(&chip)
            return (result, chip.takeInterruptEdge())
        }
        if rises { line.signal() }
        return result
    }
}
