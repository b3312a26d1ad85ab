/// The paravirtual panic device (ACPI `QEMU0001`): one port. A read returns the set of events that the device
/// supports; a kernel writes the event that happened.
public final class PVPanic: PortChip {
    public static let byteCount: UInt64 = 1

    private static let panicked: UInt8 = 1 << 0
    private static let crashLoaded: UInt8 = 1 << 1
    private let handler: MachineEventHandler

    public init(handler: @escaping MachineEventHandler) {
        self.handler = handler
    }

    public func readRegister(_ offset: UInt64) -> UInt8 {
        offset == 0 ? Self.panicked | Self.crashLoaded : openBus
    }

    /// Reports the event. A kernel with a crash kernel writes only "crash loaded"; if the crash kernel panics
    /// too, it writes again.
    public func writeRegister(_ value: UInt8, _ offset: UInt64) {
        guard offset == 0 else { return }
        if value & Self.panicked != 0 {
            handler(.panicked)
        } else if value & Self.crashLoaded != 0 {
            handler(.crashLoaded)
        }
    }
}
