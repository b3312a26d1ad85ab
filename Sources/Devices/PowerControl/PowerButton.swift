public import Virtio

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
