import GuestMemory
import HostileDevices
import TestSupport
import Testing
import Virtio

@testable import Devices

/// Saved states that no device made.
@Suite struct HostileStateTests {
    /// Whether the device takes a spoiled state or refuses it: the monitor lives, and a driver that resets
    /// the device is served.
    @Test(arguments: HostileTarget.all) func aSpoiledStateDoesNoHarm(_ target: HostileTarget) throws {
        var noise = SplitMix64(seed: 10)
        var (acceptedCount, refusedCount) = (0, 0)
        for round in 0..<25 {
            let (saved, restored) = (try HostileFixture(target), try HostileFixture(target))
            try saved.start()
            saved.ring()
            saved.driver.transport.pause()
            var state = saved.driver.transport.state
            state.device = target.device.spoil(state.device, noise.next() >> UInt64(round))
            do throws(SavedStateError) {
                try restored.driver.transport.restore(state)
                restored.driver.transport.resume()
                acceptedCount += 1
            } catch {
                refusedCount += 1
            }
            try restored.settle()
            restored.driver.reset()
            try restored.expectWorks()
        }
        #expect(acceptedCount > 0)
        #expect(refusedCount > 0)
    }

    @Test func aStateThatIsNotOfThisDeviceIsRefused() throws {
        let loop = try TestLoop()
        let port = VirtioSerialPort(name: "p", loop: loop.loop) { _ in }
        let tooMuch = [UInt8](repeating: 0, count: VirtioSerialPort.pendingLimit + 1)
        #expect(throws: SavedStateError.self) {
            try port.restore(VirtioSerialPort.State(pending: tooMuch, queues: nil), nil)
        }
        // The device has queues, but its transport has no DRIVER_OK.
        #expect(throws: SavedStateError.self) {
            try port.restore(VirtioSerialPort.State(pending: [], queues: PortQueuesState()), nil)
        }
        let files = [try TemporaryFile(byteCount: 4096), try TemporaryFile(byteCount: 8192)]
        let pmem = VirtioPmem(try PmemFiles([files[0].path]), at: GuestAddress(1 << 32), loop: loop.loop)
        let range = GuestRange(start: GuestAddress(1 << 33), byteCount: pmem.range.byteCount)
        #expect(throws: SavedStateError.self) {
            try pmem.restore(VirtioPmem.State(range: range, queue: nil), nil)
        }
        let disk = VirtioBlock(try DiskFile.open(files[1].path, readOnly: true))
        #expect(throws: SavedStateError.self) {
            try disk.restore(VirtioBlock.State(sectorCount: 8, isWriteBack: true, queue: nil), nil)
        }
        try disk.restore(VirtioBlock.State(sectorCount: 16, isWriteBack: true, queue: nil), nil)
    }

    /// The port has messages in its outbox that it never sends, or twice the same.
    @Test(arguments: [[2], [6, 6], [99], [.max]] as [[UInt16]])
    func anOutboxOfAnotherDeviceIsRefused(_ outbox: [UInt16]) throws {
        let loop = try TestLoop()
        let driver = try VirtioDriver(VirtioSerialPort(name: "p", loop: loop.loop) { _ in })
        try driver.start()
        #expect(throws: SavedStateError.self) {
            try driver.replaceDevice(by: VirtioSerialPort(name: "p", loop: loop.loop) { _ in }) { saved in
                var state = try #require(saved.device as? VirtioSerialPort.State)
                state.queues?.outbox = outbox
                saved.device = state
            }
        }
        driver.reset()
    }

    /// The guest has overwritten a chain of which the device had taken a part, and that it has not used. The
    /// device that continues fails, and works after a reset.
    @Test func aChainThatTheGuestHasTakenBackFailsTheDevice() throws {
        let loop = try TestLoop()
        let pipes = [try TestPipe(), try TestPipe()]
        let outputs = try pipes.map { pipe in
            try ConsoleOutput(
                descriptor: pipe.writeEnd, timeoutMilliseconds: WatchdogExpired.milliseconds, notify: { _ in }
            )
        }
        let consoles = try outputs.map { output in
            try VirtioConsole(output: output, loop: loop.loop, columns: 0, rows: 0, inputSilence: 0)
        }
        let driver = try VirtioDriver(consoles[0])
        try driver.start()
        let head = try driver.queues[1].add([.readable(driver.memory.allocate(1 << 20))])
        driver.ring(1)
        try driver.replaceDevice(by: consoles[1]) { _ in
            try driver.queues[1].describe(head, .max, 16, flags: 0, next: 0)
        }
        try driver.waitForNeedsReset()
        try driver.start()
        _ = try driver.request([.readable(try driver.memory.allocate([65]))], queue: 1)
        #expect(try pipes[1].receive(exactly: 1) == [65])
        driver.reset()
        for output in outputs { output.end(timeoutMilliseconds: 1000) }
    }
}
