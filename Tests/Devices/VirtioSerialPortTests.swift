import GuestMemory
import Host
import Synchronization
import TestSupport
import Testing
import Virtio

@testable import Devices

@Suite struct VirtioSerialPortTests {
    private let loop: TestLoop
    private let recorder: TestRecorder
    private let openings = Openings()
    private let device: VirtioSerialPort
    private let driver: VirtioDriver

    private final class Openings: Sendable {
        let all = Mutex<[Bool]>([])
    }

    init() throws {
        loop = try TestLoop()
        recorder = try TestRecorder()
        device = VirtioSerialPort(
            name: "vmm.agent", loop: loop.loop, received: { [recorder] in recorder.record($0) },
            opened: { [openings] isOpen in openings.all.withLock { $0.append(isOpen) } })
        driver = try VirtioDriver(device)
        try driver.start()
    }

    /// Returns the messages of the device on the control queue so far, without waiting.
    private func messages(_ buffers: [GuestRange]) throws -> [[UInt8]] {
        var messages: [[UInt8]] = []
        while let entry = try driver.queues[PortDriver.controlReceive].takeUsed() {
            messages.append(
                Array(try driver.memory.bytes(buffers[Int(entry.head)]).prefix(Int(entry.byteCount))))
        }
        return messages
    }

    @Test func itIsAConsoleDeviceWithOnePortAndFourQueues() throws {
        #expect(driver.read(.deviceID) == 3)
        #expect(driver.offeredFeatures() & 0x3 == 2)  // MULTIPORT without SIZE
        #expect(driver.configuration(at: 4, byteCount: 4) == 1)
        #expect(driver.queues.count == 4)
        driver.reset()
    }

    @Test func theHandshakeMakesANamedPort() throws {
        let buffers = try driver.addBuffers(4, of: 64, queue: PortDriver.controlReceive)
        try driver.sayControl(PortDriver.message(PortDriver.deviceReady, port: PortDriver.noPort))
        #expect(try messages(buffers) == [PortDriver.message(PortDriver.deviceAdd)])
        try driver.sayControl(PortDriver.message(PortDriver.portReady))
        #expect(
            try messages(buffers) == [
                PortDriver.message(PortDriver.portName) + Array("vmm.agent".utf8),
                PortDriver.message(PortDriver.portOpen),
            ])
        driver.reset()
    }

    @Test func aPortWithoutANameIsNotNamed() throws {
        let driver = try VirtioDriver(VirtioSerialPort(name: "", loop: loop.loop, received: { _ in }))
        try driver.start()
        let buffers = try driver.addBuffers(4, of: 64, queue: PortDriver.controlReceive)
        try driver.sayControl(PortDriver.message(PortDriver.portReady))
        let entry = try #require(try driver.queues[PortDriver.controlReceive].takeUsed())
        #expect(
            try driver.memory.bytes(buffers[0]).prefix(Int(entry.byteCount)) == PortDriver.message(6)[...])
        driver.reset()
    }

    @Test func messagesWaitForControlBuffers() throws {
        try driver.sayControl(PortDriver.message(PortDriver.deviceReady, port: PortDriver.noPort))
        let buffers = try driver.addBuffers(1, of: 64, queue: PortDriver.controlReceive)
        driver.ring(PortDriver.controlReceive)
        #expect(try driver.waitForUsed(PortDriver.controlReceive).byteCount == 8)
        #expect(
            try driver.memory.bytes(buffers[0]).prefix(8) == PortDriver.message(PortDriver.deviceAdd)[...])
        driver.reset()
    }

    /// Nobody is to be added or named twice for each time that a driver asks.
    @Test func aDriverThatAsksAgainAndAgainMakesNoQueueGrow() throws {
        for _ in 0..<1000 {
            try driver.sayControl(PortDriver.message(PortDriver.deviceReady, port: PortDriver.noPort))
            try driver.sayControl(PortDriver.message(PortDriver.portReady))
        }
        let buffers = try driver.addBuffers(8, of: 64, queue: PortDriver.controlReceive)
        driver.ring(PortDriver.controlReceive)
        try loop.settle()
        #expect(try messages(buffers).count == 3)
        driver.reset()
    }

    @Test(arguments: [
        PortDriver.message(PortDriver.deviceReady, port: PortDriver.noPort, value: 0),
        PortDriver.message(PortDriver.portReady, value: 0), PortDriver.message(PortDriver.portReady, port: 1),
        PortDriver.message(PortDriver.portOpen, port: 1), PortDriver.message(PortDriver.consolePort),
        PortDriver.message(PortDriver.portName), PortDriver.message(0xFFFF), PortDriver.message(2),
    ])
    func whatMeansNothingToAPortIsOverlooked(_ message: [UInt8]) throws {
        let buffers = try driver.addBuffers(4, of: 64, queue: PortDriver.controlReceive)
        try driver.sayControl(message)
        #expect(try messages(buffers).isEmpty)
        #expect(!driver.needsReset)
        #expect(openings.all.withLock { $0 }.isEmpty)
        driver.reset()
    }

    @Test func whatTheGuestSendsArrivesInOrder() throws {
        try driver.openPort()
        var sent: [UInt8] = []
        for round in 0..<300 {
            let bytes = (0..<(round % 97 + 1)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ round) }
            sent += bytes
            let half = bytes.count / 2
            let buffers = [bytes[..<half], bytes[half...]].filter { !$0.isEmpty }
            _ = try driver.request(
                buffers.map { .readable(try driver.memory.allocate(Array($0))) }, queue: PortDriver.transmit,
                indirect: round % 2 == 0)
        }
        #expect(try recorder.wait(forBytes: sent.count) == sent)
        #expect(device.counters.byteCountFromGuest == UInt64(sent.count))
        driver.reset()
    }

    @Test func aLongChainComesInPiecesOfABoundedSize() throws {
        let bytes = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8 ^ $0 >> 16) }
        let buffer = try driver.memory.allocate(bytes)
        _ = try driver.request([.readable(buffer)], queue: PortDriver.transmit)
        #expect(try recorder.wait(forBytes: bytes.count) == bytes)
        #expect(recorder.all.allSatisfy { $0.count <= 64 << 10 })
        driver.reset()
    }

    /// One buffer many times over: a terabyte that costs the guest nothing. The loop has its other turns, and
    /// a reset puts an end to it.
    @Test func anEndlessChainDoesNotKeepTheLoop() throws {
        let buffer = driver.memory.allocate(16 << 20)
        for _ in 0..<4 {
            try driver.queues[PortDriver.transmit].add(
                (0..<16).map { _ in .readable(buffer) })
        }
        driver.ring(PortDriver.transmit)
        for _ in 0..<5 { try loop.settle() }
        driver.reset()
        try loop.settle()
        let count = recorder.bytes.count
        try loop.settle()
        #expect(recorder.bytes.count == count)
    }

    @Test func aBatchHasOneInterrupt() throws {
        for _ in 0..<32 {
            try driver.queues[PortDriver.transmit].add([.readable(try driver.memory.allocate([1, 2, 3]))])
        }
        driver.ring(PortDriver.transmit)
        _ = try recorder.wait(forBytes: 96)
        try loop.settle()
        #expect(driver.line.count == 1)
        driver.reset()
    }

    @Test func whatIsSentWaitsUntilTheGuestOpensThePort() throws {
        let buffers = try driver.addBuffers(2, of: 4, queue: PortDriver.receive)
        driver.ring(PortDriver.receive)
        #expect(device.send([1, 2, 3]))
        #expect(device.send([4, 5, 6]))
        try loop.settle()
        #expect(try driver.queues[PortDriver.receive].takeUsed() == nil)
        try driver.openPort()
        #expect(openings.all.withLock { $0 } == [true])
        #expect(try driver.waitForUsed(PortDriver.receive).byteCount == 4)
        #expect(try driver.waitForUsed(PortDriver.receive).byteCount == 2)
        #expect(try driver.memory.bytes(buffers[0]) == [1, 2, 3, 4])
        #expect(try driver.memory.bytes(buffers[1]) == [5, 6, 0, 0])
        driver.reset()
    }

    @Test func whatHasNoRoomWaitsForMore() throws {
        try driver.openPort()
        let sent = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
        #expect(device.send(sent))
        var got: [UInt8] = []
        while got.count < sent.count {
            let buffer = try driver.addBuffers(1, of: 4096, queue: PortDriver.receive)[0]
            driver.ring(PortDriver.receive)
            let entry = try driver.waitForUsed(PortDriver.receive)
            got += try driver.memory.bytes(buffer).prefix(Int(entry.byteCount))
        }
        #expect(got == sent)
        driver.reset()
    }

    /// A driver whose buffers hold nothing gets nothing, and the sender learns when too much waits.
    @Test func whatWaitsIsBounded() throws {
        try driver.openPort()
        let piece = [UInt8](repeating: 1, count: 1 << 20)
        for _ in 0..<8 { #expect(device.send(piece)) }
        #expect(!device.send([1]))
        _ = try driver.addBuffers(16, of: 0, queue: PortDriver.receive)
        driver.ring(PortDriver.receive)
        try loop.settle()
        #expect(!device.send([1]))
        #expect(device.send([]))
        driver.reset()
        #expect(device.send(piece), "a reset forgets what waited")
    }

    @Test func closingForgetsWhatWaits() throws {
        try driver.openPort()
        #expect(device.send([1, 2, 3]))
        try driver.sayControl(PortDriver.message(PortDriver.portOpen, value: 0))
        try driver.sayControl(PortDriver.message(PortDriver.portOpen))
        #expect(openings.all.withLock { $0 } == [true, false, true])
        #expect(device.send([9]))
        let buffer = try driver.addBuffers(1, of: 16, queue: PortDriver.receive)[0]
        driver.ring(PortDriver.receive)
        #expect(try driver.waitForUsed(PortDriver.receive).byteCount == 1)
        #expect(try driver.memory.bytes(buffer).first == 9)
        driver.reset()
        #expect(openings.all.withLock { $0 } == [true, false, true, false])
    }

    @Test func whatIsSentBeforeTheDriverIsThereIsKept() throws {
        let device = VirtioSerialPort(name: "p", loop: loop.loop, received: { _ in })
        #expect(device.send([7, 7]))
        let driver = try VirtioDriver(device)
        try driver.start()  // resets it first, as Linux does
        _ = try driver.addBuffers(1, of: 16, queue: PortDriver.receive)
        try driver.openPort()
        #expect(try driver.waitForUsed(PortDriver.receive).byteCount == 2)
        driver.reset()
    }

    @Test func onlyTheControlQueueIsNotifiedDirectly() throws {
        #expect(driver.transport.connectedQueues == [0, 1, 2])
        // Buffers to fill wake nobody while there is nothing to send.
        #expect(try driver.queues[PortDriver.receive].availableEvent() == .max)
        #expect(try driver.queues[PortDriver.controlReceive].availableEvent() == .max)
        driver.reset()
    }
}
