/// The reset control register of PCI chip sets (RST_CNT, port 0xCF9), one byte:
///
///     bit 1  SYS_RST   a hard reset and not a soft one
///     bit 2  RST_CPU   0 to 1 resets
///     bit 3  FULL_RST  with a power cycle
///
/// A soft reset makes no difference here: every reset ends the machine.
public final class ResetControl: PortChip {
    public static let byteCount: UInt64 = 1

    private static let resetCPU: UInt8 = 1 << 2
    private let handler: MachineEventHandler

    public init(handler: @escaping MachineEventHandler) {
        self.handler = handler
    }

    /// Reads as zero, so that a kernel finds RST_CPU clear and sets it.
    public func readRegister(_ offset: UInt64) -> UInt8 { offset == 0 ? 0 : openBus }

    public func writeRegister(_ value: UInt8, _ offset: UInt64) {
        if offset == 0, value & Self.resetCPU != 0 { handler(.reset) }
    }
}
