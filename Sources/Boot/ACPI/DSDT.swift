import GuestMemory

/// The Differentiated System Description Table: the devices that cannot be found by looking (ACPI 6.5, 5.2.11.1).
enum DSDT {
    static func bytes(_ machine: MachineDescription) -> [UInt8] {
        SystemTable.bytes("DSDT", revision: 2, definitions(machine).bytes)
    }

    private static func definitions(_ machine: MachineDescription) -> some AMLTerm {
        AMLTermList {
            Scope("\\_SB") {
                if machine.hasSerial { serial }
                panicDevice
                powerButton
                events
                for (index, device) in machine.virtioDevices.enumerated() { virtio(device, number: index) }
            }
            softOff
        }
    }

    private static var serial: some AMLTerm {
        Device("COM1") {
            Name("_HID", .eisaID("PNP0501"))
            Name("_UID", 0)
            Name("_STA", 0x0F)
            Name(
                "_CRS",
                .resourceTemplate(
                    .io(Layout.serialPort, byteCount: UInt8(Layout.serialPortCount)),
                    .interrupt(Layout.serialGSI)))
        }
    }

    /// QEMU's pvpanic: the guest's kernel says there that it has crashed.
    private static var panicDevice: some AMLTerm {
        Device("PEVT") {
            Name("_HID", "QEMU0001")
            Name("_UID", 0)
            Name("_STA", 0x0F)
            Name("_CRS", .resourceTemplate(.io(Layout.panicPort, byteCount: 1)))
        }
    }

    /// A control-method power button (4.8.2.2.1.2).
    private static var powerButton: some AMLTerm {
        Device("PWRB") {
            Name("_HID", .eisaID("PNP0C0C"))
            Name("_UID", 0)
            Name("_STA", 0x0F)
        }
    }

    /// The Generic Event Device: its one interrupt is the power button, pressed (5.6.9).
    private static var events: some AMLTerm {
        Device("GED_") {
            Name("_HID", "ACPI0013")
            Name("_UID", 0)
            Name("_STA", 0x0F)
            Name("_CRS", .resourceTemplate(.interrupt(Layout.eventGSI)))
            Method("_EVT", arguments: 1) {
                If(.equal(.argument0, .integer(UInt64(Layout.eventGSI)))) {
                    Notify("\\_SB.PWRB", 0x80)
                }
            }
        }
    }

    /// A virtio-mmio window, by the identifier that Linux' driver binds to.
    private static func virtio(_ device: MachineDescription.VirtioDevice, number: Int) -> some AMLTerm {
        let name = "V" + String(number / 100) + String(number / 10 % 10) + String(number % 10)
        return Device(name) {
            Name("_HID", "LNRO0005")
            Name("_UID", .integer(UInt64(number)))
            Name("_STA", 0x0F)
            Name(
                "_CRS",
                .resourceTemplate(
                    .memory32Fixed(
                        UInt32(device.window.start.rawValue), byteCount: UInt32(device.window.byteCount)),
                    .interrupt(device.gsi)))
        }
    }

    /// \_S5: what is written to the sleep control register to power off (7.4.2.6).
    private static var softOff: some AMLTerm {
        Name("\\_S5_", .package(.integer(UInt64(Layout.softOffType)), 0, 0, 0))
    }
}
