/// What is left of the keyboard controller: the command that pulses the CPU's reset line, as `reboot=k` and every
/// BIOS-era kernel writes it. There is no keyboard.
///
///     +0  data (port 0x60): nothing
///     +4  status and command (port 0x64): 0xFE resets
///
/// The ports between do not answer: port 0x61 in particular belongs to no chip of this machine.
public final class I8042: ByteRegisters {
    public static let byteCount: UInt64 = 5
    /// Command "pulse output port", bit 0 low: the CPU's reset line.
    public static let resetCommand: UInt8 = 0xFE

    /// Status "output buffer full, input buffer empty", for ever. A driver that probes finds a buffer that cannot be
    /// emptied and gives up at once instead of waiting half a second for answers; one that only waits for the input
    /// buffer before it writes the reset command goes straight on.
    private static let status: UInt8 = 1
    private static let commandOffset: UInt64 = 4
    private let handler: MachineEventHandler

    public init(handler: @escaping MachineEventHandler) {
        self.handler = handler
    }

    public func readRegister(_ offset: UInt64) -> UInt8 {
        switch offset {
        case 0: 0
        case Self.commandOffset: Self.status
        default: openBus
        }
    }

    public func writeRegister(_ value: UInt8, _ offset: UInt64) {
        if offset == Self.commandOffset, value == Self.resetCommand { handler(.reset) }
    }
}
