import Devices
import Synchronization
import TestSupport
import Testing

/// The events that a chip has reported.
private final class EventLog: Sendable {
    private let log = Mutex<[MachineEvent]>([])

    var handler: MachineEventHandler { { [self] event in log.withLock { $0.append(event) } } }
    var events: [MachineEvent] { log.withLock { $0 } }
}

@Suite struct PortDeviceTests {
    @Test func sleepControlPowersOffForS5Alone() {
        for value in UInt64(0)...255 {
            let log = EventLog()
            PowerControl(handler: log.handler).write(value, at: 0, byteCount: 1)
            // SLP_EN (bit 5) with SLP_TYP 5 (bits 4:2).
            #expect(log.events == (value & 0x3C == 0x34 ? [.powerOff] : []))
        }
    }

    @Test func theResetRegisterTakesItsOneValue() {
        let log = EventLog()
        let chip = PowerControl(handler: log.handler)
        for value in UInt64(0)...255 { chip.write(value, at: 2, byteCount: 1) }
        #expect(log.events == [.reset])
    }

    @Test func aWideAccessReachesTheRegistersSideBySide() {
        let log = EventLog()
        let chip = PowerControl(handler: log.handler)
        chip.write(0x01_00_34, at: 0, byteCount: 4)
        #expect(log.events == [.powerOff, .reset])
        #expect(chip.read(at: 0, byteCount: 4) == 0xFF00_0000)
        #expect(chip.read(at: 2, byteCount: 8) == 0xFFFF_FFFF_FFFF_FF00)
    }

    @Test func theKeyboardControllerOnlyResets() {
        let log = EventLog()
        let chip = I8042(handler: log.handler)
        for value in UInt64(0)...255 {
            chip.write(value, at: 4, byteCount: 1)
            for offset in UInt64(0)..<4 { chip.write(value, at: offset, byteCount: 1) }
        }
        #expect(log.events == [.reset])
    }

    /// Linux 6.12, drivers/input/serio/i8042.c, i8042_flush(): a buffer that stays full is no controller. And
    /// arch/x86/kernel/reboot.c, kb_wait(): the input buffer (bit 1) is empty.
    @Test func aProbeGivesUpAndARebootDoesNotWait() {
        let chip = I8042(handler: { _ in })
        for _ in 0..<17 {
            #expect(chip.read(at: 4, byteCount: 1) & 3 == 1)
            #expect(chip.read(at: 0, byteCount: 1) == 0)
        }
        #expect(chip.read(at: 1, byteCount: 1) == 0xFF)
    }

    @Test(
        arguments: zip(
            [0, 1, 2, 3, 4, 0xFF] as [UInt64],
            [[], [.panicked], [.crashLoaded], [.panicked], [], [.panicked]] as [[MachineEvent]]))
    func aPanicIsReported(_ value: UInt64, _ expected: [MachineEvent]) {
        let log = EventLog()
        let chip = PVPanic(handler: log.handler)
        #expect(chip.read(at: 0, byteCount: 1) == 3)
        chip.write(value, at: 0, byteCount: 1)
        #expect(log.events == expected)
    }

    @Test func everyMarkIsReported() {
        let log = EventLog()
        let chip = BootMarker(handler: log.handler)
        chip.write(1, at: 0, byteCount: 1)
        chip.write(0xFF7F, at: 0, byteCount: 2)
        #expect(log.events == [.mark(1), .mark(0x7F)])
        #expect(chip.read(at: 0, byteCount: 1) == 0xFF)
    }

    @Test func thePowerButtonIsAnInterrupt() throws {
        let line = try TestLine()
        let button = PowerButton(line: line)
        button.press()
        button.press()
        #expect(line.count == 2)
    }
}
