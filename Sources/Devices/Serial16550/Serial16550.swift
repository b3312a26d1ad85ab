import Synchronization
public import Virtio

/// The destination of the bytes that a serial port sends.
public protocol SerialOutput: AnyObject, Sendable {
    /// Takes one byte, on the thread of the vCPU that sent it. May wait for a slow reader.
    func writeWaiting(_ byte: UInt8)
}

extension ConsoleOutput: SerialOutput {}

/// A 16550A on the port bus: the chip, its lock, its interrupt line and the console behind it.
///
/// The chip's `state` is the guest's side. A byte that has left the chip is the host's and no part of it, and
/// neither is input that has not reached the FIFO (`ConsoleOutput`, `ConsoleInput`). Read the state while no
/// vCPU runs and the input is paused: then no interrupt is between the chip and its line.
public final class Serial16550: PortChip, ConsoleReceiver {
    public static let byteCount: UInt64 = 8

    private let chip: Mutex<UART16550>
    private let line: any InterruptLine
    private let output: any SerialOutput
    private let room = RoomHandler()

    /// Makes a port that sends the guest's bytes to `output` and takes input through `receive`.
    public convenience init(line: any InterruptLine, output: any SerialOutput) {
        self.init(UART16550(), line, output)
    }

    /// Restores a port in that state. Raises no interrupt: the guest's interrupt controller has its own
    /// state. Throws if no chip can be in the state.
    public convenience init(
        _ state: UART16550.State, line: any InterruptLine, output: any SerialOutput
    ) throws(SavedStateError) {
        self.init(try UART16550(state), line, output)
    }

    private init(_ chip: UART16550, _ line: any InterruptLine, _ output: any SerialOutput) {
        self.chip = Mutex(chip)
        self.line = line
        self.output = output
    }

    public var state: UART16550.State { chip.withLock { $0.state } }

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
