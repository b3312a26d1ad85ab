import TestSupport
import Testing
import Virtio

@testable import Devices

/// A console, its driver, and the reader at the other end.
private final class ConsoleBench {
    static let receive = 0
    static let transmit = 1

    let loop: TestLoop
    let pipe: TestPipe
    let output: ConsoleOutput
    let device: VirtioConsole
    let driver: VirtioDriver

    init(start: Bool = true, patience: Int32 = ConsoleOutput.usualPatience, inputSilence: Int = 0) throws {
        loop = try TestLoop()
        pipe = try TestPipe()
        output = try ConsoleOutput(descriptor: pipe.writeEnd, patience: patience, notify: { _ in })
        device = try VirtioConsole(
            output: output, loop: loop.loop, columns: 80, rows: 25, inputSilence: inputSilence)
        driver = try VirtioDriver(device)
        if start { try driver.start() }
    }

    deinit {
        driver.reset()
        output.end(patience: 1000)
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
        let bench = try ConsoleBench()
        try bench.print("hello, ")
        try bench.print("world", indirect: true)
        #expect(try bench.pipe.receive(exactly: 12) == Array("hello, world".utf8))
        #expect(bench.device.counters.requestCount == 2)
        #expect(bench.device.counters.byteCountFromGuest == 12)
    }

    @Test func aChainOfPiecesIsOneText() throws {
        let bench = try ConsoleBench()
        let pieces = try ["a", "", "bc", "def"].map { try bench.driver.memory.allocate(Array($0.utf8)) }
        _ = try bench.driver.request(pieces.map { .readable($0) }, queue: ConsoleBench.transmit)
        #expect(try bench.pipe.receive(exactly: 6) == Array("abcdef".utf8))
    }

    @Test func whatIsTypedFillsTheGuestsBuffers() throws {
        let bench = try ConsoleBench()
        let (first, second) = (bench.driver.memory.allocate(4), bench.driver.memory.allocate(64))
        #expect(bench.type(Array("early".utf8)) == 0)
        try bench.driver.queues[0].add([.writable(first)])
        try bench.driver.queues[0].add([.writable(second)])
        #expect(bench.type(Array("abcdefg".utf8)) == 7)
        #expect(try bench.driver.waitForUsed(ConsoleBench.receive).byteCount == 4)
        #expect(try bench.driver.waitForUsed(ConsoleBench.receive).byteCount == 3)
        #expect(try bench.driver.memory.bytes(first) == Array("abcd".utf8))
        #expect(try bench.driver.memory.bytes(second).prefix(3) == Array("efg".utf8)[...])
        #expect(bench.type([1]) == 0)
    }

    @Test func aBellOnTheReceiveQueueSaysThereIsRoom() throws {
        let bench = try ConsoleBench()
        let room = try TestLine()
        bench.device.whenRoomAppears { room.signal() }
        try bench.driver.queues[0].add([.writable(bench.driver.memory.allocate(16))])
        bench.driver.ring(ConsoleBench.receive)
        try room.wait(for: "room")
        #expect(bench.type([1, 2, 3]) == 3)
    }

    /// Linux throws away what comes before its console is set up, and asks for the size only after a change.
    @Test func inputWaitsUntilTheDriverHasAskedForTheSize() throws {
        let bench = try ConsoleBench(inputSilence: 1)
        let room = try TestLine()
        bench.device.whenRoomAppears { room.signal() }
        try bench.driver.queues[0].add([.writable(bench.driver.memory.allocate(16))])
        #expect(bench.type([1]) == 0)
        bench.driver.ring(ConsoleBench.receive)
        while bench.driver.read(.interruptStatus) & 2 == 0 { try bench.driver.line.wait(for: "a change") }
        #expect(bench.driver.configuration(at: 0, byteCount: 2) == 80)
        try room.wait(for: "room")
        #expect(bench.type([1]) == 1)
    }

    @Test func inputComesAllTheSameToADriverThatDoesNotAsk() throws {
        let bench = try ConsoleBench(inputSilence: 1)
        let room = try TestLine()
        bench.device.whenRoomAppears { room.signal() }
        try bench.driver.queues[0].add([.writable(bench.driver.memory.allocate(16))])
        bench.driver.ring(ConsoleBench.receive)
        while bench.type([1]) == 0 { try room.wait(for: "room") }
    }

    @Test func theSizeIsInTheConfiguration() throws {
        let bench = try ConsoleBench()
        #expect(bench.driver.offeredFeatures() & 1 == 1)
        #expect(bench.driver.configuration(at: 0, byteCount: 2) == 80)
        #expect(bench.driver.configuration(at: 2, byteCount: 2) == 25)
        #expect(bench.driver.configuration(at: 4, byteCount: 4) == 1)
    }

    @Test func aResizeChangesTheGenerationAndInterrupts() throws {
        let bench = try ConsoleBench()
        let before = bench.driver.read(.configurationGeneration)
        let interrupts = bench.driver.line.count
        bench.device.resize(columns: 132, rows: 43)
        bench.device.resize(columns: 132, rows: 43)  // no change, no interrupt
        #expect(bench.driver.line.count == interrupts + 1)
        #expect(bench.driver.read(.interruptStatus) & 2 == 2)
        #expect(bench.driver.read(.configurationGeneration) == before + 1)
        #expect(bench.driver.configuration(at: 0, byteCount: 4) == 43 << 16 | 132)
    }

    @Test func aResizeBeforeTheDriverIsThereIsSilent() throws {
        let bench = try ConsoleBench(start: false)
        bench.device.resize(columns: 100, rows: 50)
        #expect(bench.driver.line.count == 0)
        #expect(bench.driver.configuration(at: 0, byteCount: 2) == 100)
    }

    @Test func aFloodNobodyReadsDoesNotStopTheGuest() throws {
        let bench = try ConsoleBench(patience: 20)
        let buffer = bench.driver.memory.allocate(64 << 10)
        for _ in 0..<32 {
            _ = try bench.driver.request([.readable(buffer)], queue: ConsoleBench.transmit)
        }
        #expect(bench.output.lostByteCount > 0)
        #expect(bench.device.counters.byteCountFromGuest == 32 * 64 << 10)
    }

    @Test func aSlowReaderLosesNothing() throws {
        let bench = try ConsoleBench(patience: WatchdogExpired.milliseconds)
        let count = 1 << 20
        let reader = try TestReader(bench.pipe, exactly: count)
        let bytes = (0..<64 << 10).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let buffer = try bench.driver.memory.allocate(bytes)
        for _ in 0..<(count / bytes.count) {
            _ = try bench.driver.request([.readable(buffer)], queue: ConsoleBench.transmit)
        }
        let received = try reader.bytes()
        #expect(received == Array(repeatElement(bytes, count: count / bytes.count).joined()))
        #expect(bench.output.lostByteCount == 0)
    }

    @Test func aResetTakesAHeldChainBack() throws {
        let bench = try ConsoleBench()
        let buffer = bench.driver.memory.allocate(1 << 20)
        try bench.driver.queues[1].add([.readable(buffer)])
        bench.driver.ring(ConsoleBench.transmit)
        try bench.loop.settle()
        let before = try bench.driver.queues[1].usedIndex()
        let old = bench.driver.queues[1]
        bench.driver.reset()
        _ = try bench.pipe.receive(1 << 20)
        try bench.loop.settle()
        #expect(try old.usedIndex() == before)
        try bench.driver.start()
        #expect(!bench.driver.needsReset)
    }
}
