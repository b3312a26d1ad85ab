import Devices
import TestSupport
import Testing

@Suite struct Serial16550Tests {
    @Test func aBufferOfTextReachesTheReader() throws {
        let pipe = try TestPipe()
        let output = try ConsoleOutput(descriptor: pipe.writeEnd, notify: { _ in })
        let serial = Serial16550(line: try TestLine(), output: output)
        for byte in "serial\r\n".utf8 { serial.write(UInt64(byte), at: 0, byteCount: 1) }
        #expect(try pipe.receive(exactly: 8) == Array("serial\r\n".utf8))
        output.end(timeoutMilliseconds: WatchdogExpired.milliseconds)
    }

    @Test func inputInterruptsAndRoomIsAnnounced() throws {
        let line = try TestLine()
        let room = try TestLine()
        let output = try ConsoleOutput(descriptor: 1, notify: { _ in })
        let serial = Serial16550(line: line, output: output)
        serial.whenRoomAppears { room.signal() }
        serial.write(1, at: 2, byteCount: 1)  // FIFOs on
        serial.write(0x0A, at: 4, byteCount: 1)  // RTS and OUT2
        serial.write(1, at: 1, byteCount: 1)  // received data
        #expect(serial.receive(Array("0123456789abcdefXYZ".utf8)[...]) == 16)
        #expect(line.count == 1)
        #expect(serial.receive([1, 2, 3]) == 0)
        let before = room.count
        #expect(serial.read(at: 0, byteCount: 1) == 0x30)
        #expect(room.count == before + 1)
        #expect(serial.receive([0x21]) == 1)
    }

    @Test func aWordReachesTwoRegisters() throws {
        let output = try ConsoleOutput(descriptor: 1, notify: { _ in })
        let serial = Serial16550(line: try TestLine(), output: output)
        serial.write(0x5AFF, at: 6, byteCount: 2)
        #expect(serial.read(at: 7, byteCount: 1) == 0x5A)
        #expect(serial.read(at: 7, byteCount: 2) == 0xFF5A)
    }
}
