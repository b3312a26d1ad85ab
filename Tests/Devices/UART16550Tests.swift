import Devices
import Testing

/// Register offsets and bits, as a driver knows them (PC16550D, 8.0).
private enum Register {
    static let data: UInt8 = 0
    static let interruptEnable: UInt8 = 1
    static let identification: UInt8 = 2
    static let fifoControl: UInt8 = 2
    static let lineControl: UInt8 = 3
    static let modemControl: UInt8 = 4
    static let lineStatus: UInt8 = 5
    static let modemStatus: UInt8 = 6
    static let scratch: UInt8 = 7
}

@Suite struct UART16550Tests {
    /// A chip with FIFOs on and its interrupt pin connected.
    private func openChip(interrupts: UInt8 = 0, trigger: UInt8 = 0) -> UART16550 {
        var chip = UART16550()
        _ = chip.write(0x0A, Register.modemControl)
        _ = chip.write(1 | trigger << 6, Register.fifoControl)
        _ = chip.write(interrupts, Register.interruptEnable)
        _ = chip.read(Register.identification)
        _ = chip.takeInterruptEdge()
        return chip
    }

    @Test func aByteLeavesAtOnce() {
        var chip = openChip()
        #expect(chip.read(Register.lineStatus) == 0x60)
        #expect(chip.write(0x41, Register.data) == 0x41)
        #expect(chip.read(Register.lineStatus) == 0x60)
    }

    @Test func theDivisorHidesDataAndInterruptEnable() {
        var chip = openChip(interrupts: 5)
        _ = chip.write(0x80, Register.lineControl)
        #expect(chip.write(0x34, Register.data) == nil)
        _ = chip.write(0x12, Register.interruptEnable)
        #expect(chip.read(Register.data) == 0x34)
        #expect(chip.read(Register.interruptEnable) == 0x12)
        _ = chip.write(0x03, Register.lineControl)
        #expect(chip.read(Register.interruptEnable) == 5)
        #expect(chip.read(Register.lineControl) == 3)
    }

    @Test func theScratchRegisterKeepsWhatItIsGiven() {
        var chip = openChip()
        _ = chip.write(0xA5, Register.scratch)
        #expect(chip.read(Register.scratch) == 0xA5)
    }

    @Test func sixteenBytesFitAndTheNextIsAnOverrun() {
        var chip = openChip(interrupts: 4)
        #expect(chip.freeByteCount == 16)
        for byte in UInt8(0)..<16 { chip.receive(byte) }
        #expect(chip.freeByteCount == 0)
        #expect(chip.takeInterruptEdge() == false)
        chip.receive(99)
        #expect(chip.takeInterruptEdge() == true)
        #expect(chip.read(Register.identification) == 0xC6)
        #expect(chip.read(Register.lineStatus) == 0x63)
        #expect(chip.read(Register.lineStatus) == 0x61)
        for byte in UInt8(0)..<16 { #expect(chip.read(Register.data) == byte) }
        #expect(chip.read(Register.lineStatus) == 0x60)
        #expect(chip.read(Register.data) == 0)
    }

    @Test func withoutFIFOsOneByteFits() {
        var chip = UART16550()
        _ = chip.write(0x02, Register.modemControl)
        #expect(chip.freeByteCount == 1)
        chip.receive(1)
        #expect(chip.freeByteCount == 0)
        #expect(chip.read(Register.identification) == 1)
    }

    @Test(arguments: zip([0, 1, 2, 3] as [UInt8], [1, 4, 8, 14]))
    func theTriggerLevelTurnsATimeoutIntoData(_ trigger: UInt8, _ level: Int) {
        var chip = openChip(interrupts: 1, trigger: trigger)
        for count in 1...level {
            chip.receive(0)
            #expect(chip.read(Register.identification) == (count < level ? 0xCC : 0xC4))
        }
    }

    @Test func turningFIFOsOnOrOffOrResettingEmptiesThem() {
        for control in [0, 3] as [UInt8] {
            var chip = openChip()
            chip.receive(1)
            _ = chip.write(control, Register.fifoControl)
            #expect(chip.read(Register.lineStatus) == 0x60)
        }
    }

    @Test func interruptsAreReportedByPriority() {
        var chip = openChip(interrupts: 0x0F)
        _ = chip.write(0x41, Register.data)
        for byte in UInt8(0)..<17 { chip.receive(byte) }
        _ = chip.write(0x18, Register.modemControl)  // loopback: CTS and DSR fall
        #expect(chip.read(Register.identification) == 0xC6)
        _ = chip.read(Register.lineStatus)
        #expect(chip.read(Register.identification) == 0xC4)
        for _ in 0..<16 { _ = chip.read(Register.data) }
        #expect(chip.read(Register.identification) == 0xC2)
        #expect(chip.read(Register.identification) == 0xC0)
        _ = chip.read(Register.modemStatus)
        #expect(chip.read(Register.identification) == 0xC1)
    }

    @Test func enablingTheTransmitterInterruptsEachTime() {
        var chip = openChip()
        for _ in 0..<3 {
            _ = chip.write(2, Register.interruptEnable)
            #expect(chip.takeInterruptEdge() == true)
            #expect(chip.read(Register.identification) == 0xC2)
            #expect(chip.read(Register.identification) == 0xC1)
            _ = chip.write(0, Register.interruptEnable)
        }
    }

    @Test func everyByteSentIsANewEdge() {
        var chip = openChip(interrupts: 2)
        for byte in UInt8(0)..<5 {
            _ = chip.write(byte, Register.data)
            #expect(chip.takeInterruptEdge() == true)
            #expect(chip.takeInterruptEdge() == false)
        }
    }

    @Test func theSecondOutputGatesTheInterrupt() {
        var chip = openChip(interrupts: 1)
        _ = chip.write(0, Register.modemControl)
        chip.receive(1)
        #expect(chip.takeInterruptEdge() == false)
        _ = chip.write(0x08, Register.modemControl)
        #expect(chip.takeInterruptEdge() == true)
    }

    @Test func nothingIsSentBeforeTheGuestIsReady() {
        var chip = UART16550()
        #expect(chip.freeByteCount == 0)
        _ = chip.write(0x08, Register.modemControl)
        _ = chip.read(Register.lineStatus)
        #expect(chip.freeByteCount == 0)
        _ = chip.write(0x0A, Register.modemControl)  // RTS
        #expect(chip.freeByteCount == 1)
        _ = chip.write(0x08, Register.modemControl)
        #expect(chip.freeByteCount == 0)
    }

    @Test func aProgramThatOnlyPollsIsSentTo() {
        var chip = UART16550()
        for _ in 0..<16 {
            #expect(chip.freeByteCount == 0)
            _ = chip.read(Register.lineStatus)
        }
        #expect(chip.freeByteCount == 1)
        // A kernel's console reads the line status, and writes.
        _ = chip.write(0x41, Register.data)
        #expect(chip.freeByteCount == 0)
    }

    @Test func loopbackJoinsBothEnds() {
        var chip = openChip()
        _ = chip.write(0x1A, Register.modemControl)
        #expect(chip.write(0x55, Register.data) == nil)
        #expect(chip.freeByteCount == 0)
        chip.receive(0x66)  // the wire is cut
        #expect(chip.read(Register.lineStatus) == 0x61)
        #expect(chip.read(Register.data) == 0x55)
        #expect(chip.read(Register.lineStatus) == 0x60)
    }

    @Test(arguments: zip([0x01, 0x02, 0x04, 0x08] as [UInt8], [0x20, 0x10, 0x40, 0x80] as [UInt8]))
    func loopbackTurnsOutputsIntoInputs(_ output: UInt8, _ input: UInt8) {
        var chip = openChip()
        _ = chip.write(0x10, Register.modemControl)
        _ = chip.read(Register.modemStatus)
        _ = chip.write(0x10 | output, Register.modemControl)
        // The ring indicator is noted when it ends, the others whenever they change.
        #expect(chip.read(Register.modemStatus) == input | (input == 0x40 ? 0 : input >> 4))
        _ = chip.write(0x10, Register.modemControl)
        #expect(chip.read(Register.modemStatus) == input >> 4)
        #expect(chip.read(Register.modemStatus) == 0)
    }

    /// The steps of Linux 6.12, drivers/tty/serial/8250/8250_port.c, autoconfig() and autoconfig_16550a().
    @Test func linuxFindsA16550A() {
        var chip = UART16550()
        _ = chip.write(0, Register.interruptEnable)
        #expect(chip.read(Register.interruptEnable) & 0x0F == 0)
        _ = chip.write(0x0F, Register.interruptEnable)
        #expect(chip.read(Register.interruptEnable) & 0x0F == 0x0F)
        _ = chip.write(0, Register.interruptEnable)
        _ = chip.write(0x1A, Register.modemControl)
        #expect(chip.read(Register.modemStatus) & 0xF0 == 0x90)
        _ = chip.write(0x08, Register.modemControl)
        _ = chip.write(0xBF, Register.lineControl)
        _ = chip.write(0, 2)
        _ = chip.write(0, Register.lineControl)
        _ = chip.write(1, Register.fifoControl)
        #expect(chip.read(Register.identification) >> 6 == 3)
        // No EFR behind either bank, so no 16650.
        _ = chip.write(0x80, Register.lineControl)
        #expect(chip.read(2) != 0)
        _ = chip.write(0xBF, Register.lineControl)
        #expect(chip.read(2) != 0)
        // No 16750: a 64-byte FIFO cannot be turned on behind the divisor latch.
        _ = chip.write(0x80, Register.lineControl)
        _ = chip.write(0x21, Register.fifoControl)
        #expect(chip.read(Register.identification) & 0xE0 == 0xC0)
        _ = chip.write(0, Register.lineControl)
        // No XScale: IER has no bit 6.
        _ = chip.write(0x40, Register.interruptEnable)
        #expect(chip.read(Register.interruptEnable) == 0)
    }

    /// The tests of serial8250_do_startup(): no UART_BUG_THRE, no UART_BUG_TXEN.
    @Test func linuxFindsNoBugs() {
        var chip = openChip()
        _ = chip.write(2, Register.interruptEnable)
        let first = chip.read(Register.identification)
        _ = chip.write(0, Register.interruptEnable)
        _ = chip.write(2, Register.interruptEnable)
        let second = chip.read(Register.identification)
        #expect(first & 1 == 0)
        #expect(second & 1 == 0)
        _ = chip.write(0, Register.interruptEnable)
        _ = chip.write(2, Register.interruptEnable)
        #expect(chip.read(Register.lineStatus) & 0x40 != 0)
        #expect(chip.read(Register.identification) & 1 == 0)
    }
}
