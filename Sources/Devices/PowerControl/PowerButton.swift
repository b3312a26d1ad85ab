public import Virtio

/// The power button, an event of the Generic Event Device (ACPI 6.5, 5.6.9): its `_EVT` method notifies PNP0C0C of
/// every interrupt, so that there is no register to read.
public final class PowerButton: Sendable {
    private let line: any InterruptLine

    /// `line` is the interrupt that the DSDT names in the device's `_CRS`.
    public init(line: any InterruptLine) {
        self.line = line
    }

    /// Asks the guest to power off. Whether it does is up to the guest.
    public func press() {
        line.signal()
    }
}
