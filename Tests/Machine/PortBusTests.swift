import Devices
import KVM
import Layout
import Synchronization
import TestSupport
import Testing

@testable import Machine

@Suite("The port bus")
struct PortBusTests {
    /// The ports whose writes reported an event.
    private final class Reports: Sendable {
        private let state = Mutex<(port: UInt16, ports: Set<UInt16>)>((0, []))

        var handler: MachineEventHandler {
            { [self] _ in state.withLock { _ = $0.ports.insert($0.port) } }
        }
        var ports: Set<UInt16> { state.withLock { $0.ports } }

        func noteWrite(to port: UInt16) { state.withLock { $0.port = port } }
    }

    /// An output that counts the bytes.
    private final class ByteCount: SerialOutput {
        private let count = Atomic<Int>(0)

        func writeWaiting(_ byte: UInt8) { count.add(1, ordering: .relaxed) }
        var value: Int { count.load(ordering: .relaxed) }
    }

    private static let chipPorts: Set<UInt16> = [
        Layout.keyboardDataPort, Layout.keyboardCommandPort, Layout.panicPort, Layout.sleepControlPort,
        Layout.sleepControlPort + 1, Layout.sleepControlPort + 2, Layout.resetControlPort,
    ]

    @Test("answers every port, width and value, and no port reports for another")
    func everyPort() throws {
        let (reports, output) = (Reports(), ByteCount())
        let vm = try KVMSystem().makeVirtualMachine()
        let report = reports.handler
        let bus = PortBus(
            serial: Serial16550(line: try TestLine(), output: output), keyboard: I8042(handler: report),
            panic: PVPanic(handler: report), power: PowerControl(handler: report),
            mark: BootMarker(handler: report), reset: ResetControl(handler: report),
            timer: IntervalTimer(of: vm))
        for port in UInt16.min...UInt16.max {
            reports.noteWrite(to: port)
            for byteCount in [1, 2, 4] {
                let isChip =
                    Self.chipPorts.contains(port) || Layout.serialPorts.contains(port)
                    || Layout.timerPorts.contains(port) || port == Layout.timerGatePort
                let value = bus.read(port, byteCount: byteCount)
                if !isChip, port != Layout.markPort { #expect(value == .max) }
                for value in [0, 1, 0x34, 0x0101, 0x3434_3434, 0xFEFE_FEFE, .max] as [UInt64] {
                    bus.write(value, to: port, byteCount: byteCount)
                }
            }
        }
        // A wide write to SLEEP_CONTROL or SLEEP_STATUS reaches the reset register behind it.
        #expect(
            reports.ports == [
                Layout.keyboardCommandPort, Layout.panicPort, Layout.sleepControlPort,
                Layout.sleepControlPort + 1, Layout.sleepControlPort + 2, Layout.markPort,
                Layout.resetControlPort,
            ])
        #expect(output.value > 0)
        bus.write(0x03, to: Layout.serialPort + 3, byteCount: 1)
        bus.write(0x0B, to: Layout.serialPort + 4, byteCount: 1)
        let before = output.value
        bus.write(0x41, to: Layout.serialPort, byteCount: 1)
        #expect(output.value == before + 1, "the serial port works after all that")
    }
}
