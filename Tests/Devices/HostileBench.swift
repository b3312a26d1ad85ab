import GuestMemory
import TestSupport
import Testing
import Virtio

@testable import Devices

/// Which device, and which of its queues, a hostile driver turns to.
enum HostileTarget: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case block, consoleOutput, consoleInput, entropy

    var testDescription: String { rawValue }
    var queue: Int { self == .consoleOutput ? 1 : 0 }
}

/// A device at the mercy of a hostile driver, and a driver that finds out whether it still works.
final class HostileBench {
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

    init(_ target: HostileTarget, readOnly: Bool = false) throws {
        self.target = target
        loop = try TestLoop()
        pipe = try TestPipe()
        output = try ConsoleOutput(descriptor: pipe.writeEnd, patience: 20, notify: { _ in })
        file = try TemporaryFile(byteCount: Int(Self.diskSectors) * 512)
        switch target {
        case .block:
            console = nil
            let disk = try DiskFile.open(file.path, readOnly: readOnly)
            driver = try VirtioDriver(VirtioBlock(disk), memoryByteCount: Self.memoryByteCount)
        case .consoleInput, .consoleOutput:
            let device = try VirtioConsole(
                output: output, loop: loop.loop, columns: 80, rows: 25, inputSilence: 0)
            console = device
            driver = try VirtioDriver(device, memoryByteCount: Self.memoryByteCount)
        case .entropy:
            console = nil
            driver = try VirtioDriver(VirtioRng(loop: loop.loop), memoryByteCount: Self.memoryByteCount)
        }
    }

    deinit {
        driver.reset()
        output.end(patience: 1000)
    }

    var queue: DriverQueue { driver.queues[target.queue] }

    func start(without: UInt64 = 0) throws {
        try driver.start(without: without, queueSize: Self.queueSize)
    }

    /// Has the device look at its queue.
    func ring() {
        driver.ring(target.queue)
        if target == .consoleInput { _ = console?.receive([1, 2, 3]) }
    }

    /// Waits until the device has seen all that it was told. A disk's thread tells by answering; the others sit on the
    /// loop.
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
        }
    }
}
