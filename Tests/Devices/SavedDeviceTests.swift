import GuestMemory
import Host
import TestSupport
import Testing
import Virtio

@testable import Devices

/// Each device is saved in the middle of its work and restored into a new object. The driver's side goes on
/// and sees no difference.
@Suite struct SavedDeviceTests {
    private let loop: TestLoop

    init() throws {
        loop = try TestLoop()
    }

    // MARK: Entropy and persistent memory

    /// The loop of the saved device never runs, so all but the first turn's requests wait at the doorbell.
    @Test func requestsThatWaitForTheirTurnAreServed() throws {
        let driver = try VirtioDriver(VirtioRng(loop: EventLoop()))
        try driver.start()
        for _ in 0..<64 { try driver.queues[0].add([.writable(driver.memory.allocate(64 << 10))]) }
        driver.ring(0)
        let servedCount = try driver.queues[0].usedIndex()
        #expect(servedCount > 0 && servedCount < 64)
        try driver.replaceDevice(by: VirtioRng(loop: loop.loop))
        for _ in 0..<64 { #expect(try driver.waitForUsed(0).byteCount == 64 << 10) }
        driver.reset()
    }

    @Test func aPausedDeviceIsSilentAndServesOnResume() throws {
        let device = VirtioRng(loop: loop.loop)
        let driver = try VirtioDriver(device)
        try driver.start()
        driver.transport.pause()
        try driver.queues[0].add([.writable(driver.memory.allocate(16))])
        driver.ring(0)
        #expect(try driver.queues[0].usedIndex() == 0)
        #expect(device.counters.requestCount == 0)
        driver.transport.resume()
        #expect(try driver.waitForUsed(0).byteCount == 16)
        driver.reset()
    }

    @Test func aFlushThatWasNotAnsweredIsAnswered() throws {
        let file = try TemporaryFile(byteCount: 4096)
        let make = { () throws in
            VirtioPmem(try PmemFiles([file.path]), at: GuestAddress(1 << 32), loop: loop.loop)
        }
        let driver = try VirtioDriver(try make())
        try driver.start()
        let response = try driver.memory.allocate([9, 9, 9, 9])
        let flush = try driver.memory.allocate([0, 0, 0, 0])
        let place = driver.configuration(at: 0, byteCount: 8)
        try driver.replaceDevice(by: try make()) { _ in
            try driver.queues[0].add([.readable(flush), .writable(response)])
        }
        #expect(try driver.waitForUsed(0).byteCount == 4)
        #expect(try driver.memory.bytes(response) == [0, 0, 0, 0])
        #expect(driver.configuration(at: 0, byteCount: 8) == place)
        driver.reset()
    }

    // MARK: Console

    /// The reader takes nothing, so the device holds a chain of which the output has taken a part.
    @Test func aChainIsPrintedOnceThoughItsConsoleIsReplaced() throws {
        let pipes = [try TestPipe(), try TestPipe()]
        let outputs = try pipes.map { pipe in
            try ConsoleOutput(
                descriptor: pipe.writeEnd, timeoutMilliseconds: WatchdogExpired.milliseconds, notify: { _ in }
            )
        }
        let consoles = try outputs.map { output in
            try VirtioConsole(output: output, loop: loop.loop, columns: 80, rows: 25, inputSilence: 0)
        }
        let driver = try VirtioDriver(consoles[0])
        try driver.start()
        let text = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8 ^ $0 >> 16) }
        let head = try driver.queues[1].add([.readable(try driver.memory.allocate(text))])
        driver.ring(1)
        try driver.replaceDevice(by: consoles[1])
        let takenCount = Int(consoles[0].counters.byteCountFromGuest)
        #expect(takenCount > 0 && takenCount < text.count)
        let readers = [
            try TestReader(pipes[0], exactly: takenCount),
            try TestReader(pipes[1], exactly: text.count - takenCount),
        ]
        #expect(try driver.waitForUsed(1) == UsedEntry(head: UInt32(head), byteCount: 0))
        #expect(try readers[0].bytes() + readers[1].bytes() == text)
        #expect(try driver.queues[1].takeUsed() == nil)
        driver.reset()
        for output in outputs { output.end(timeoutMilliseconds: 1000) }
    }

    private func makeConsole(_ pipe: TestPipe, inputSilence: Int) throws -> VirtioConsole {
        let output = try ConsoleOutput(descriptor: pipe.writeEnd, notify: { _ in })
        return try VirtioConsole(
            output: output, loop: loop.loop, columns: 80, rows: 25, inputSilence: inputSilence)
    }

    /// The driver has made room and has not been asked to read the size yet.
    @Test func theInputGateGoesOnWithItsQuestion() throws {
        let pipe = try TestPipe()
        let driver = try VirtioDriver(try makeConsole(pipe, inputSilence: 600_000))
        let (next, room) = (try makeConsole(pipe, inputSilence: 1), try TestLine())
        next.whenRoomAppears { room.signal() }
        try driver.start()
        try driver.queues[0].add([.writable(driver.memory.allocate(16))])
        driver.ring(0)
        try driver.replaceDevice(by: next)
        while driver.read(.interruptStatus) & 2 == 0 { try driver.line.wait(for: "the question") }
        #expect(driver.configuration(at: 0, byteCount: 2) == 80)
        while next.receive([1, 2, 3]) == 0 { try room.wait(for: "room") }
        #expect(try driver.waitForUsed(0).byteCount == 3)
        driver.reset()
    }

    @Test func aSizeThatChangesInThePauseIsAnnounced() throws {
        let pipe = try TestPipe()
        let driver = try VirtioDriver(try makeConsole(pipe, inputSilence: 0))
        try driver.start()
        let next = try makeConsole(pipe, inputSilence: 0)
        let generation = driver.read(.configurationGeneration)
        driver.transport.pause()
        let saved = driver.transport.state
        let transport = try VirtioTransport(device: next, memory: driver.memory.memory, line: driver.line)
        try transport.restore(saved)
        next.resize(columns: 132, rows: 43)
        #expect(driver.line.count == 0)
        transport.resume()
        #expect(driver.line.count == 1)
        let window = VirtioMMIO(transport)
        #expect(window.read(at: VirtioRegister.interruptStatus.rawValue, byteCount: 4) == 2)
        #expect(window.read(at: 0x100, byteCount: 2) == 132)
        let changed = window.read(at: VirtioRegister.configurationGeneration.rawValue, byteCount: 4)
        #expect(changed == UInt64(generation) + 1)
        transport.stop()
        driver.reset()
    }

    // MARK: Port

    /// The session's handler pauses the port after the first piece of a long chain.
    @Test func aChainIsHandedOverOnceThoughItsPortIsReplaced() throws {
        let (recorder, paused) = (try TestRecorder(), try TestLine())
        nonisolated(unsafe) var transport: VirtioTransport?
        let first = VirtioSerialPort(
            name: "p", loop: loop.loop,
            received: { bytes in
                recorder.record(bytes)
                unsafe transport?.pause()
                paused.signal()
            })
        let next = VirtioSerialPort(name: "p", loop: loop.loop) { recorder.record($0) }
        let driver = try VirtioDriver(first)
        unsafe transport = driver.transport
        try driver.start()
        try driver.openPort()
        let bytes = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8 ^ $0 >> 16) }
        let head = try driver.queues[1].add([.readable(try driver.memory.allocate(bytes))])
        driver.ring(1)
        try paused.wait(for: "the pause")
        try driver.replaceDevice(by: next) { _ in #expect(recorder.bytes.count < bytes.count) }
        #expect(try driver.waitForUsed(1) == UsedEntry(head: UInt32(head), byteCount: 0))
        #expect(try recorder.wait(forBytes: bytes.count) == bytes)
        driver.reset()
        unsafe transport = nil
    }

    /// The guest has no room for bytes and none for control messages, and the port is open.
    @Test func whatWaitsForTheGuestWaitsInTheNextPort() throws {
        let (first, openings) = (VirtioSerialPort(name: "p", loop: loop.loop) { _ in }, try TestRecorder())
        let next = VirtioSerialPort(
            name: "p", loop: loop.loop, received: { _ in }, opened: { openings.record([$0 ? 1 : 0]) })
        let driver = try VirtioDriver(first)
        try driver.start()
        try driver.sayControl(PortDriver.message(PortDriver.portReady))
        try driver.sayControl(PortDriver.message(PortDriver.portOpen))
        #expect(first.send([1, 2, 3]))
        try driver.replaceDevice(by: next) { _ in #expect(first.send([4]), "to a device that is paused") }
        #expect(openings.bytes == [1])
        #expect(next.send([5, 6]))
        let buffers = try driver.addBuffers(4, of: 64, queue: PortDriver.controlReceive)
        driver.ring(PortDriver.controlReceive)
        #expect(try driver.waitForUsed(PortDriver.controlReceive).byteCount == 9)
        #expect(try driver.waitForUsed(PortDriver.controlReceive).byteCount == 8)
        let name = PortDriver.message(PortDriver.portName) + Array("p".utf8)
        #expect(try driver.memory.bytes(buffers[0]).prefix(9) == name[...])
        let room = try driver.addBuffers(1, of: 64, queue: PortDriver.receive)
        driver.ring(PortDriver.receive)
        #expect(try driver.waitForUsed(PortDriver.receive).byteCount == 5)
        #expect(try driver.memory.bytes(room[0]).prefix(5) == [1, 2, 3, 5, 6])
        driver.reset()
    }

    // MARK: Disk

    @Test(arguments: [BlockDriver.write, BlockDriver.flush]) func aDiskFinishesWhatItHasBegun(
        _ kind: UInt32
    ) throws {
        let file = try TemporaryFile(byteCount: 1 << 20)
        let disk = try DiskFile.open(file.path, readOnly: false)
        let driver = try VirtioDriver(VirtioBlock(disk))
        try driver.start()
        // The disk writes through, so that workers carry the requests out.
        driver.window.write(0, at: 0x100 + 32, byteCount: 1)
        var statuses: [GuestRange] = []
        for sector in UInt64(0)..<32 {
            let header = try driver.memory.allocate(BlockDriver.header(kind, sector: sector))
            let data = try driver.memory.allocate([UInt8](repeating: UInt8(sector) + 1, count: 512))
            statuses.append(try driver.memory.allocate([0xEE]))
            let body: [DriverBuffer] = kind == BlockDriver.write ? [.readable(data)] : []
            try driver.queues[0].add([.readable(header)] + body + [.writable(statuses[Int(sector)])])
        }
        driver.ring(0)
        try driver.replaceDevice(by: VirtioBlock(disk)) { saved in
            let queue = try #require((saved.device as? VirtioBlock.State)?.queue)
            let doneCount = try driver.queues[0].usedIndex()
            #expect(queue.nextUsed == doneCount && queue.nextAvailable == doneCount)
        }
        #expect(driver.configuration(at: 32, byteCount: 1) == 0, "still writes through")
        for _ in 0..<32 { _ = try driver.waitForUsed(0) }
        #expect(try driver.queues[0].takeUsed() == nil)
        for status in statuses { #expect(try driver.memory.bytes(status) == [BlockDriver.ok]) }
        driver.reset()
        guard kind == BlockDriver.write else { return }
        let content = try file.bytes()
        #expect((0..<32).allSatisfy { content[$0 * 512] == UInt8($0) + 1 })
    }
}
