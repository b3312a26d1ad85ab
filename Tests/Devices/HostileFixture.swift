import GuestMemory
import HostileDevices
import TestSupport
import Testing
import Virtio

@testable import Devices

/// A queue of a device that a hostile driver turns to: a row of a table.
struct HostileTarget: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let device: HostileDevice
    let queue: Int
    /// Whether the driver fills the queue's buffers.
    let isOut: Bool
    /// Whether a program of the guest must have opened the port.
    let needsOpenPort: Bool
    /// Has the device turn to the queue, beyond the driver's notification.
    let provoke: @Sendable (HostileFixture) -> Void
    /// Checks that a driver that keeps to the rules is served. `buffer` has 16 bytes.
    let checkService: @Sendable (HostileFixture, _ buffer: GuestRange) throws -> Void

    private init(
        _ name: String, of device: HostileDevice, queue: Int = 0, isOut: Bool = false,
        needsOpenPort: Bool = false, provoke: @escaping @Sendable (HostileFixture) -> Void = { _ in },
        checkService: @escaping @Sendable (HostileFixture, GuestRange) throws -> Void
    ) {
        testDescription = name
        self.device = device
        self.queue = queue
        self.isOut = isOut
        self.needsOpenPort = needsOpenPort
        self.provoke = provoke
        self.checkService = checkService
    }

    static let all = [
        block, consoleOutput, consoleInput, entropy, persistentMemory, portOutput, portInput, portControl,
        portControlInput,
    ]

    static let block = HostileTarget("block", of: .block) { fixture, _ in
        let answer = try fixture.driver.block(BlockDriver.read, sector: 1, inByteCount: 512)
        #expect(answer.status == BlockDriver.ok)
    }

    static let consoleOutput = HostileTarget("consoleOutput", of: .console, queue: 1, isOut: true) {
        fixture, buffer in
        let used = try fixture.driver.request([.readable(buffer)], queue: 1)
        let text = try fixture.pipe.receive(exactly: 16)
        #expect(used == 0 && text.count == 16)
    }

    static let consoleInput = HostileTarget(
        "consoleInput", of: .console, provoke: { _ = $0.send([1, 2, 3]) },
        checkService: { fixture, buffer in
            try fixture.driver.queues[0].add([.writable(buffer)])
            #expect(fixture.send([7, 8, 9]) == 3)
            let used = try fixture.driver.waitForUsed(0)
            #expect(used.byteCount == 3)
        })

    static let entropy = HostileTarget("entropy", of: .entropy) { fixture, buffer in
        let used = try fixture.driver.request([.writable(buffer)])
        #expect(used == 16)
    }

    static let persistentMemory = HostileTarget("persistentMemory", of: .persistentMemory) {
        fixture, buffer in
        let flush = try fixture.driver.memory.allocate([0, 0, 0, 0])
        let used = try fixture.driver.request([.readable(flush), .writable(buffer)])
        #expect(used == 4)
    }

    static let portOutput = HostileTarget("portOutput", of: .port, queue: 1, isOut: true) {
        fixture, buffer in
        // A piece that was taken before a reset may still be on its way to the recorder.
        try fixture.settle()
        let count = fixture.recorder.bytes.count
        let used = try fixture.driver.request([.readable(buffer)], queue: 1)
        let bytes = try fixture.recorder.wait(forBytes: count + 16)
        #expect(used == 0 && bytes.count == count + 16)
    }

    static let portInput = HostileTarget(
        "portInput", of: .port, needsOpenPort: true, provoke: { _ = $0.send([1, 2, 3]) },
        checkService: { fixture, buffer in
            try fixture.driver.queues[0].add([.writable(buffer)])
            #expect(fixture.send([7, 8, 9]) == 3)
            // These bytes may wait behind others from before the device was active.
            fixture.driver.ring(0)
            let used = try fixture.driver.waitForUsed(0)
            #expect(used.byteCount >= 3)
        })

    static let portControl = HostileTarget(
        "portControl", of: .port, queue: 3, isOut: true, checkService: checkControl)

    /// The device takes a buffer when it has something to answer.
    static let portControlInput = HostileTarget(
        "portControlInput", of: .port, queue: 2, provoke: { try? $0.askForPort() },
        checkService: checkControl)

    private static let checkControl: @Sendable (HostileFixture, GuestRange) throws -> Void = {
        fixture, buffer in
        try fixture.driver.queues[2].add([.writable(buffer)])
        try fixture.askForPort()
        let (question, answer) = (try fixture.driver.waitForUsed(3), try fixture.driver.waitForUsed(2))
        #expect(question.byteCount == 0 && answer.byteCount == 8)
    }
}

/// A device at the mercy of a hostile driver, and a driver that finds out whether it still works.
final class HostileFixture {
    static let queueSize: UInt16 = 8
    static let diskSectors: UInt64 = 8192
    static let memoryByteCount: UInt64 = 8 << 20

    let target: HostileTarget
    let driver: VirtioDriver
    let pipe: TestPipe
    let recorder: TestRecorder
    private let loop: TestLoop
    private let output: ConsoleOutput
    private let files: [TemporaryFile]
    private let instance: HostileInstance

    init(_ target: HostileTarget) throws {
        self.target = target
        loop = try TestLoop()
        pipe = try TestPipe()
        output = try ConsoleOutput(descriptor: pipe.writeEnd, timeoutMilliseconds: 20, notify: { _ in })
        files = [
            try TemporaryFile(byteCount: Int(Self.diskSectors) * 512), try TemporaryFile(byteCount: 4096),
        ]
        recorder = try TestRecorder()
        let host = HostileHost(
            loop: loop.loop, output: output, disk: try DiskFile.open(files[0].path, readOnly: false),
            files: try PmemFiles([files[1].path])
        ) { [recorder] in recorder.record($0) }
        instance = try target.device.make(host)
        driver = try VirtioDriver(instance.device, memoryByteCount: Self.memoryByteCount)
    }

    deinit {
        driver.reset()
        output.end(timeoutMilliseconds: 1000)
    }

    var queue: DriverQueue { driver.queues[target.queue] }

    func start(without: UInt64 = 0) throws {
        try driver.start(without: without, queueSize: Self.queueSize)
        // A port takes no input before a program of the guest has opened it.
        if target.needsOpenPort { try driver.sayControl(PortDriver.message(PortDriver.portOpen)) }
    }

    /// Has the device look at its queue.
    func ring() {
        driver.ring(target.queue)
        target.provoke(self)
    }

    /// Sends the guest bytes; returns the number of bytes that the device has taken.
    func send(_ bytes: [UInt8]) -> Int { instance.send(bytes) }

    /// Asks a port's device for its ports.
    func askForPort() throws {
        guard driver.queues.count == 4 else { return }
        try driver.sayControl(PortDriver.message(PortDriver.deviceReady, port: PortDriver.noPort))
    }

    /// Waits until the device has seen all notifications. A disk's thread answers by itself; the event loop
    /// serves the other devices.
    func settle() throws {
        try loop.settle()
    }

    /// The device broke off, counted it, and works again after a reset.
    func expectNeedsReset(sourceLocation: SourceLocation = #_sourceLocation) throws {
        try driver.waitForNeedsReset()
        #expect(driver.transport.interrupt.faults.count >= 1, sourceLocation: sourceLocation)
        #expect(driver.read(.interruptStatus) & 2 != 0, sourceLocation: sourceLocation)
        driver.reset()
        #expect(driver.status == 0, sourceLocation: sourceLocation)
        try expectWorks()
    }

    /// The device took no notice, and works.
    func expectIgnored(sourceLocation: SourceLocation = #_sourceLocation) throws {
        try settle()
        #expect(!driver.needsReset, sourceLocation: sourceLocation)
        #expect(driver.transport.interrupt.faults.count == 0, sourceLocation: sourceLocation)
        driver.reset()
        try expectWorks()
    }

    /// Reads what the console was given so far, all but what a pipe holds.
    func drainOutput() throws {
        while output.pendingByteCount > 0 { _ = try pipe.receive() }
    }

    /// Checks that a driver that keeps to the rules is served.
    func expectWorks() throws {
        try start()
        try target.checkService(self, driver.memory.allocate(Array("0123456789abcdef".utf8)))
    }
}
