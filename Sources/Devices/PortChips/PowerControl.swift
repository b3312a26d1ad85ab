public import Virtio

/// The sleep and reset registers of hardware-reduced ACPI (ACPI 6.5, 4.8.3.6 and 4.8.3.7), one byte each:
///
///     +0  SLEEP_CONTROL  bits 4:2 SLP_TYP, bit 5 SLP_EN (write-only)
///     +1  SLEEP_STATUS   bit 7 WAK_STS; always 0, because this machine never wakes up
///     +2  RESET_REG      1 resets
public final class PowerControl: PortChip {
    public static let byteCount: UInt64 = 3
    /// SLP_TYP of S5, "soft off", as the DSDT's `_S5` names it.
    public static let softOffType: UInt8 = 5
    /// RESET_VALUE of the FADT.
    public static let resetValue: UInt8 = 1

    private static let sleepEnable: UInt8 = 1 << 5
    private let handler: MachineEventHandler

    public init(handler: @escaping MachineEventHandler) {
        self.handler = handler
    }

    public func readRegister(_ offset: UInt64) -> UInt8 {
        offset < Self.byteCount ? 0 : openBus
    }

    public func writeRegister(_ value: UInt8, _ offset: UInt64) {
        switch offset {
        case 0 where value & Self.sleepEnable != 0 && value >> 2 & 7 == Self.softOffType: handler(.powerOff)
        case 2 where value == Self.resetValue: handler(.reset)
        default: break
        }
    }
}

/// The power button, an event of the Generic Event Device (ACPI 6.5, 5.6.9). The device's `_EVT` method
/// notifies PNP0C0C of every interrupt, so there is no register to read.
public final class PowerButton: Sendable {
    private let line: any InterruptLine

    /// Makes the button. `line` is the interrupt that the DSDT names in the device's `_CRS`.
    public init(line: any InterruptLine) {
        self.line = line
    }

    /// Asks the guest to power off. The guest may ignore it.
    public func press() {
        line.signal()
    }
}
