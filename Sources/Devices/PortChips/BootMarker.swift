/// The boot marker port: the machine time-stamps each byte that the guest writes. The port reads as all ones.
public final class BootMarker: PortChip {
    public static let byteCount: UInt64 = 1
    /// The marker "userland reached".
    public static let userland: UInt8 = 1

    private let handler: MachineEventHandler

    public init(handler: @escaping MachineEventHandler) {
        self.handler = handler
    }

    public func readRegister(_ offset: UInt64) -> UInt8 { openBus }

    public func writeRegister(_ value: UInt8, _ offset: UInt64) {
        if offset == 0 { handler(.mark(value)) }
    }
}
