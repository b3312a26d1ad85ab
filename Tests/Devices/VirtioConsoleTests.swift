import TestSupport
import Testing
import Virtio

@testable import Devices

/// A console, its driver, and the reader at the other end.
private final class ConsoleFixture {
    static let receive = 0
    static let transmit = 1

    let loop: TestLoop
    let pipe: TestPipe
    let output: ConsoleOutput
    let device: VirtioConsole
    let driver: VirtioDriver

    init(
        start: Bool = true, timeoutMilliseconds: Int32 = ConsoleOutput.usualTimeoutMilliseconds,
        inputSilence: Int = 0
    ) throws {
        loop = try TestLoop()
        pipe = try TestPipe()
        output = try ConsoleOutput(
            descriptor: pipe.writeEnd, timeoutMilliseconds: timeoutMilliseconds, notify: { _ in })
        device = try VirtioConsole(
            output: output, loop: loop.loop, columns: 80, rows: 25, inputSilence: inputSilence)
        driver = try VirtioDriver(device)
        if start { try driver.start() }
    }

    deinit {
        driver.reset()
        output.end(timeoutMilliseconds: 1000)
    }

    func print(_ text: String, indirect: Bool = false) throws {
        let buffer = try driver.memory.allocate(Array(text.utf8))
        _ = try driver.request([.readable(buffer)], queue: Self.transmit, indirect: indirect)
    }

    /// Gives the device something on the loop's thread, as input arrives.
    func type(_ bytes: [UInt8]) -> Int { device.receive(bytes[...]) }
}

@Suite struct VirtioConsoleTests {
    @Test func whatTheGuestPrintsArrives() throws {
        let fixture = try ConsoleFixture()
        try fixture.print("hello, ")
        try fixture.print("world", indirect: true)
        #expect(try fixture.pipe.receive(exactly: 12) == Array("hello, world".utf8))
        #expect(fixture.device.counters.requestCount == 2)
        #expect(fixture.device.counters.byteCountFromGuest == 12)
    }

    @Test func aChainOfPiecesIsOneText() throws {
        let fixture = try ConsoleFixture()
        let pieces = try ["a", "", "bc", "def"].map { try fixture.driver.memory.allocate(Array($0.utf8)) }
        _ = try fixture.driver.request(pieces.map { .readable($0) }, queue: ConsoleFixture.transmit)
        #expect(try fixture.pipe.receive(exactly: 6) == Array("abcdef".utf8))
    }

    @Test func whatIsTypedFillsTheGuestsBuffers() throws {
        let fixture = try ConsoleFixture()
        let (first, second) = (fixture.driver.memory.allocate(4), fixture.driver.memory.allocate(64))
        #expect(fixture.type(Array("early".utf8)) == 0)
        try fixture.driver.queues[0].add([.writable(first)])
        try fixture.driver.queues[0].add([.writable(second)])
        #expect(fixture.type(Array("abcdefg".utf8)) == 7)
        #expect(try fixture.driver.waitForUsed(ConsoleFixture.receive).byteCount == 4)
        #expect(try fixture.driver.waitForUsed(ConsoleFixture.receive).byteCount == 3)
        #expect(try fixture.driver.memory.bytes(first) == Array("abcd".utf8))
        #expect(try fixture.driver.memory.bytes(second).prefix(3) == Array("efg".utf8)[...])
        #expect(fixture.type([1]) == 0)
    }

    @Test func aNotificationOfTheReceiveQueueAnnouncesRoom() throws {
        let fixture = try ConsoleFixture()
        let room = try TestLine()
        fixture.device.whenRoomAppears { room.signal() }
        try fixture.driver.queues[0].add([.writable(fixture.driver.memory.allocate(16))])
        fixture.driver.ring(ConsoleFixture.receive)
        try room.wait(for: "room")
        #expect(fixture.type([1, 2, 3]) == 3)
    }

    /// Linux throws away what comes before its console is set up, and asks for the size only after a change.
    @Test func inputWaitsUntilTheDriverHasAskedForTheSize() throws {
        let fixture = try ConsoleFixture(inputSilence: 1)
        let room = try TestLine()
        fixture.device.whenRoomAppears { room.signal() }
        try fixture.driver.queues[0].add([.writable(fixture.driver.memory.allocate(16))])
        #expect(fixture.type([1]) == 0)
        fixture.driver.ring(ConsoleFixture.receive)
        while fixture.driver.read(.interruptStatus) & 2 == 0 { try fixture.driver.line.wait(for: "a change") }
        #expect(fixture.driver.configuration(at: 0, byteCount: 2) == 80)
        try room.wait(for: "room")
        #expect(fixture.type([1]) == 1)
    }

    @Test func inputComesAllTheSameToADriverThatDoesNotAsk() throws {
        let fixture = try ConsoleFixture(inputSilence: 1)
        let room = try TestLine()
        fixture.device.whenRoomAppears { room.signal() }
        try fixture.driver.queues[0].add([.writable(fixture.driver.memory.allocate(16))])
        fixture.driver.ring(ConsoleFixture.receive)
        while fixture.type([1]) == 0 { try room.wait(for: "room") }
    }

    @Test func theSizeIsInTheConfiguration() throws {
        let fixture = try ConsoleFixture()
        #expect(fixture.driver.offeredFeatures() & 1 == 1)
        #expect(fixture.driver.configuration(at: 0, byteCount: 2) == 80)
        #expect(fixture.driver.configuration(at: 2, byteCount: 2) == 25)
        #expect(fixture.driver.configuration(at: 4, byteCount: 4) == 1)
    }

    @Test func aResizeChangesTheGenerationAndInterrupts() throws {
        let fixture = try ConsoleFixture()
        let before = fixture.driver.read(.configurationGeneration)
        let interrupts = fixture.driver.line.count
        fixture.device.resize(columns: 132, rows: 43)
        fixture.device.resize(columns: 132, rows: 43)  // no change, no interrupt
        #expect(fixture.driver.line.count == interrupts + 1)
        #expect(fixture.driver.read(.interruptStatus) & 2 == 2)
        #expect(fixture.driver.read(.configurationGeneration) == before + 1)
        #expect(fixture.driver.configuration(at: 0, byteCount: 4) == 43 << 16 | 132)
    }

    @Test func aResizeBeforeTheDriverIsThereIsSilent() throws {
        let fixture = try ConsoleFixture(start: false)
        fixture.device.resize(columns: 100, rows: 50)
        #expect(fixture.driver.line.count == 0)
        #expect(fixture.driver.configuration(at: 0, byteCount: 2) == 100)
    }

    @Test func aFloodNobodyReadsDoesNotStopTheGuest() throws {
        let fixture = try ConsoleFixture(timeoutMilliseconds: 20)
        let buffer = fixture.driver.memory.allocate(64 << 10)
        for _ in 0..<32 {
            _ = try fixture.driver.request([.readable(buffer)], queue: ConsoleFixture.transmit)
        }
        #expect(fixture.output.lostByteCount > 0)
        #expect(fixture.device.counters.byteCountFromGuest == 32 * 64 << 10)
    }

    @Test func aSlowReaderLosesNothing() throws {
        let fixture = try ConsoleFixture(timeoutMilliseconds: WatchdogExpired.milliseconds)
        let count = 1 << 20
        let reader = try TestReader(fixture.pipe, exactly: count)
        let bytes = (0..<64 << 10).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let buffer = try fixture.driver.memory.allocate(bytes)
        for _ in 0..<(count / bytes.count) {
            _ = try fixture.driver.request([.readable(buffer)], queue: ConsoleFixture.transmit)
        }
        let received = try reader.bytes()
        #expect(received == Array(repeatElement(bytes, count: count / bytes.count).joined()))
        #expect(fixture.output.lostByteCount == 0)
    }

    @Test func aResetTakesAHeldChainBack() throws {
        let fixture = try ConsoleFixture()
        let buffer = fixture.driver.memory.allocate(1 << 20)
        try fixture.driver.queues[1].add([.readable(buffer)])
        fixture.driver.ring(ConsoleFixture.transmit)
        try fixture.loop.settle()
        let before = try fixture.driver.queues[1].usedIndex()
        let old = fixture.driver.queues[1]
        fixture.driver.reset()
        _ = try fixture.pipe.receive(1 << 20)
        try fixture.loop.settle()
        #expect(try old.usedIndex() == before)
        try fixture.driver.start()
        #expect(!fixture.driver.needsReset)
    }
}
