import GuestMemory
import Layout

/// The Differentiated System Description Table: the devices that a kernel cannot find by probing (ACPI 6.5,
/// 5.2.11.1).
enum DSDT {
    static func bytes(_ description: MachineDescription) -> [UInt8] {
        var aml = AMLWriter(capacity: 512 + 80 * description.virtioDevices.count)
        aml.scope("\\_SB") { scope in
            if description.hasSerial { serial(&scope) }
            panicDevice(&scope)
            powerButton(&scope)
            events(&scope)
            for (index, device) in description.virtioDevices.enumerated() {
                virtio(device, number: index, &scope)
            }
        }
        softOff(&aml)
        return SystemTable.bytes("DSDT", revision: 2, aml.bytes)
    }

    private static func serial(_ aml: inout AMLWriter) {
        aml.device("COM1") { device in
            device.name("_HID", .eisaID("PNP0501"))
            device.name("_UID", 0)
            device.name("_STA", 0x0F)
            device.name("_CRS") { resources in
                resources.io(Layout.serialPort, byteCount: UInt8(Layout.serialPortCount))
                resources.interrupt(Layout.serialGSI)
            }
        }
    }

    /// Adds QEMU's pvpanic device, through which the guest's kernel reports that it has crashed.
    private static func panicDevice(_ aml: inout AMLWriter) {
        aml.device("PEVT") { device in
            device.name("_HID", "QEMU0001")
            device.name("_UID", 0)
            device.name("_STA", 0x0F)
            device.name("_CRS") { resources in resources.io(Layout.panicPort, byteCount: 1) }
        }
    }

    /// Adds a control-method power button (4.8.2.2.1.2).
    private static func powerButton(_ aml: inout AMLWriter) {
        aml.device("PWRB") { device in
            device.name("_HID", .eisaID("PNP0C0C"))
            device.name("_UID", 0)
            device.name("_STA", 0x0F)
        }
    }

    /// Adds the Generic Event Device. Its only interrupt means that the power button was pressed (5.6.9).
    private static func events(_ aml: inout AMLWriter) {
        aml.device("GED_") { device in
            device.name("_HID", "ACPI0013")
            device.name("_UID", 0)
            device.name("_STA", 0x0F)
            device.name("_CRS") { resources in resources.interrupt(Layout.eventGSI) }
            device.method("_EVT", arguments: 1) { method in
                method.ifEqual(.argument0, .integer(UInt64(Layout.eventGSI))) { then in
                    then.notify("\\_SB.PWRB", 0x80)
                }
            }
        }
    }

    /// Adds a virtio-mmio window, with the identifier that Linux' driver binds to.
    private static func virtio(
        _ device: MachineDescription.VirtioDevice, number: Int, _ aml: inout AMLWriter
    ) {
        let name = "V" + String(number / 100) + String(number / 10 % 10) + String(number % 10)
        aml.device(name) { window in
            window.name("_HID", "LNRO0005")
            window.name("_UID", .integer(UInt64(number)))
            window.name("_STA", 0x0F)
            window.name("_CRS") { resources in
                resources.memory32Fixed(
                    UInt32(device.window.start.rawValue), byteCount: UInt32(device.window.byteCount))
                resources.interrupt(device.gsi)
            }
        }
    }

    /// Adds \_S5, the value that the kernel writes to the sleep control register to power off (7.4.2.6).
    private static func softOff(_ aml: inout AMLWriter) {
        aml.name("\\_S5_", packageOf: 4) { package in
            package.append(.integer(UInt64(Layout.softOffType)))
            for _ in 0..<3 { package.append(0) }
        }
    }
}
