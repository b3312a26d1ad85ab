/// The part of the keyboard controller that machines still need: the command that pulses the CPU's reset
/// line, as `reboot=k` and every kernel of the BIOS era write it. There is no keyboard.
///
///     +0  data (port 0x60): unused
///     +4  status and command (port 0x64): 0xFE resets
///
/// The ports between them do not answer. Port 0x61 in particular does not belong to this chip.
public final class I8042: PortChip {
    public static let byteCount: UInt64 = 5
    /// Command "pulse output port", bit 0 low: the CPU's reset line.
    public static let resetCommand: UInt8 = 0xFE

    /// The status "output buffer full, input buffer empty", always. A driver that probes for a keyboard finds
    /// a buffer that it cannot empty and gives up at once, instead of waiting half a second for answers. A
    /// driver that waits for an empty input buffer before it writes the reset command goes straight on.
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
