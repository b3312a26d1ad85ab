import Boot
import Devices
import Layout

/// The guest's I/O ports. The set of chips is fixed, so that an access is a switch and a direct call.
struct PortBus: Sendable {
    let serial: Serial16550?
    let keyboard: I8042
    let panic: PVPanic
    let power: PowerControl
    let mark: BootMarker
    let reset: ResetControl
    let timer: IntervalTimer

    /// Reads a port. Ports without a chip read as all ones.
    func read(_ port: UInt16, byteCount: Int) -> UInt64 {
        switch port {
        case Layout.serialPorts:
            serial?.read(at: offset(port, Layout.serialPort), byteCount: byteCount) ?? .max
        case Layout.keyboardDataPort: keyboard.read(at: 0, byteCount: 1)
        case Layout.keyboardCommandPort: keyboard.read(at: 4, byteCount: 1)
        case Layout.panicPort: panic.read(at: 0, byteCount: 1)
        case Layout.powerPorts: power.read(at: offset(port, Layout.sleepControlPort), byteCount: byteCount)
        case Layout.resetControlPort: reset.read(at: 0, byteCount: 1)
        case Layout.timerPorts, Layout.timerGatePort: timer.read(port)
        default: .max
        }
    }

    func write(_ value: UInt64, to port: UInt16, byteCount: Int) {
        switch port {
        case Layout.serialPorts:
            serial?.write(value, at: offset(port, Layout.serialPort), byteCount: byteCount)
        case Layout.keyboardDataPort: keyboard.write(value, at: 0, byteCount: 1)
        case Layout.keyboardCommandPort: keyboard.write(value, at: 4, byteCount: 1)
        case Layout.panicPort: panic.write(value, at: 0, byteCount: 1)
        case Layout.powerPorts:
            power.write(value, at: offset(port, Layout.sleepControlPort), byteCount: byteCount)
        case Layout.markPort: mark.write(value, at: 0, byteCount: 1)
        // A write of four bytes at port 0xCF8 would set an address of PCI's configuration space.
        case Layout.resetControlPort: reset.write(value, at: 0, byteCount: 1)
        case Layout.timerPorts, Layout.timerGatePort:
            timer.write(UInt8(truncatingIfNeeded: value), to: port)
        default: break
        }
    }

    private func offset(_ port: UInt16, _ base: UInt16) -> UInt64 { UInt64(port &- base) }
}

extension Layout {
    static let serialPorts = serialPort...(serialPort + serialPortCount - 1)
    static let powerPorts = sleepControlPort...resetPort
}
