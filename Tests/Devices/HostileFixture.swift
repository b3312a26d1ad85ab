import GuestMemory
import TestSupport
import Testing
import Virtio

@testable import Devices

/// Which device, and which of its queues, a hostile driver turns to.
enum HostileTarget: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case block, consoleOutput, consoleInput, entropy, persistentMemory
    case portOutput, portInput, portControl, portControlInput

    var testDescription: String { rawValue }
    var queue: Int {
        switch self {
        case .consoleOutput, .portOutput: 1
        case .portControlInput: 2
        case .portControl: 3
        default: 0
        }
    }

    /// Whether the driver fills the queue's buffers.
    var isOut: Bool { self == .consoleOutput || self == .portOutput || self == .portControl }
}

/// A device at the mercy of a hostile driver, and a driver that finds out whether it still works.
final class HostileFixture {
    static let queueSize: UInt16 = 8
    static let diskSectors: UInt64 = 8192
    static let memoryByteCount: UInt64 = 8 << 20

    let target: HostileTarget
    let driver: VirtioDriver
    private let loop: TestLoop
    private let pipe: TestPipe
    private let output: ConsoleOutput
    private let file: TemporaryFile
    private let console: VirtioConsole?
    private let port: VirtioSerialPort?
    private let recorder: TestRecorder

    init(_ target: HostileTarget, readOnly: Bool = false) throws {
        self.target = target
        loop = try TestLoop()
        pipe = try TestPipe()
        output = try ConsoleOutput(descriptor: pipe.writeEnd, patience: 20, notify: { _ in })
        file = try TemporaryFile(byteCount: Int(Self.diskSectors) * 512)
        recorder = try TestRecorder()
        let port = VirtioSerialPort(name: "vmm.agent", loop: loop.loop) { [recorder] in recorder.record($0) }
        switch target {
        case .block:
            (console, self.port) = (nil, nil)
            let disk = try DiskFile.open(file.path, readOnly: readOnly)
            driver = try VirtioDriver(VirtioBlock(disk), memoryByteCount: Self.memoryByteCount)
        case .consoleInput, .consoleOutput:
            let device = try VirtioConsole(
                output: output, loop: loop.loop, columns: 80, rows: 25, inputSilence: 0)
            (console, self.port) = (device, nil)
            driver = try VirtioDriver(device, memoryByteCount: Self.memoryByteCount)
        case .entropy:
            (console, self.port) = (nil, nil)
            driver = try VirtioDriver(VirtioRng(loop: loop.loop), memoryByteCount: Self.memoryByteCount)
        case .persistentMemory:
            (console, self.port) = (nil, nil)
            let device = VirtioPmem(try PmemFiles([file.path]), at: GuestAddress(1 << 32), loop: loop.loop)
            driver = try VirtioDriver(device, memoryByteCount: Self.memoryByteCount)
        case .portOutput, .portInput, .portControl, .portControlInput:
            (console, self.port) = (nil, port)
            driver = try VirtioDriver(port, memoryByteCount: Self.memoryByteCount)
        }
    }

    deinit {
        driver.reset()
        output.end(patience: 1000)
    }

    var queue: DriverQueue { driver.queues[target.queue] }

    func start(without: UInt64 = 0) throws {
        try driver.start(without: without, queueSize: Self.queueSize)
        if target == .portInput { try driver.sayControl(PortDriver.message(PortDriver.portOpen)) }
    }

    /// Has the device look at its queue.
    func ring() {
        driver.ring(target.queue)
        switch target {
        case .consoleInput: _ = console?.receive([1, 2, 3])
        case .portInput: _ = port?.send([1, 2, 3])
        // It takes a buffer when it has something to answer.
        case .portControlInput where driver.queues.count == 4:
            try? driver.sayControl(PortDriver.message(PortDriver.deviceReady, port: PortDriver.noPort))
        default: break
        }
    }

    /// Waits until the device has seen all that it was told. A disk's thread tells by answering; the others
    /// sit on the loop.
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
        try expectWorks(sourceLocation: sourceLocation)
    }

    /// The device took no notice, and works.
    func expectIgnored(sourceLocation: SourceLocation = #_sourceLocation) throws {
        try settle()
        #expect(!driver.needsReset, sourceLocation: sourceLocation)
        #expect(driver.transport.interrupt.faults.count == 0, sourceLocation: sourceLocation)
        driver.reset()
        try expectWorks(sourceLocation: sourceLocation)
    }

    /// Reads what the console was given so far, all but what a pipe holds.
    func drainOutput() throws {
        while output.pendingByteCount > 0 { _ = try pipe.receive() }
    }

    /// A driver that keeps to the rules is served.
    func expectWorks(sourceLocation: SourceLocation = #_sourceLocation) throws {
        try start()
        let buffer = try driver.memory.allocate(Array("0123456789abcdef".utf8))
        switch target {
        case .block:
            let answer = try driver.block(BlockDriver.read, sector: 1, inByteCount: 512)
            #expect(answer.status == BlockDriver.ok, sourceLocation: sourceLocation)
        case .consoleOutput:
            #expect(try driver.request([.readable(buffer)], queue: 1) == 0, sourceLocation: sourceLocation)
            #expect(try pipe.receive(exactly: 16).count == 16, sourceLocation: sourceLocation)
        case .consoleInput:
            try driver.queues[0].add([.writable(buffer)])
            #expect(console?.receive([7, 8, 9]) == 3, sourceLocation: sourceLocation)
            #expect(try driver.waitForUsed(0).byteCount == 3, sourceLocation: sourceLocation)
        case .entropy:
            #expect(try driver.request([.writable(buffer)]) == 16, sourceLocation: sourceLocation)
        case .persistentMemory:
            let flush = try driver.memory.allocate([0, 0, 0, 0])
            let answer = try driver.request([.readable(flush), .writable(buffer)])
            #expect(answer == 4, sourceLocation: sourceLocation)
        case .portOutput:
            let count = recorder.bytes.count
            #expect(try driver.request([.readable(buffer)], queue: 1) == 0, sourceLocation: sourceLocation)
            #expect(try recorder.wait(forBytes: count + 16).count == count + 16)
        case .portInput:
            try driver.queues[0].add([.writable(buffer)])
            #expect(port?.send([7, 8, 9]) == true, sourceLocation: sourceLocation)
            // Behind what may have been left from before the device was there.
            driver.ring(0)
            #expect(try driver.waitForUsed(0).byteCount >= 3, sourceLocation: sourceLocation)
        case .portControl, .portControlInput:
            try driver.queues[2].add([.writable(buffer)])
            try driver.sayControl(PortDriver.message(PortDriver.deviceReady, port: PortDriver.noPort))
            #expect(try driver.waitForUsed(3).byteCount == 0, sourceLocation: sourceLocation)
            #expect(try driver.waitForUsed(2).byteCount == 8, sourceLocation: sourceLocation)
        }
    }
}
