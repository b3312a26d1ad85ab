import Devices
import GuestMemory
import TestSupport
import Testing
import Virtio

@Suite struct VirtioRngTests {
    private let loop: TestLoop
    private let driver: VirtioDriver
    private let device: VirtioRng

    init() throws {
        loop = try TestLoop()
        device = VirtioRng(loop: loop.loop)
        driver = try VirtioDriver(device)
        try driver.start()
    }

    @Test(arguments: [1, 16, 255, 256, 257, 4096, 65536]) func aRequestIsFilled(_ byteCount: UInt64) throws {
        let buffer = driver.memory.allocate(byteCount)
        #expect(try driver.request([.writable(buffer)]) == UInt32(byteCount))
        guard byteCount >= 16 else { return }
        let bytes = try driver.memory.bytes(buffer)
        // All of it, up to the end: sixteen random bytes are not all zero.
        #expect(bytes.prefix(16).contains { $0 != 0 })
        #expect(bytes.suffix(16).contains { $0 != 0 })
        driver.reset()
    }

    @Test func twoRequestsDiffer() throws {
        let buffers = (0..<2).map { _ in driver.memory.allocate(32) }
        for buffer in buffers { _ = try driver.request([.writable(buffer)]) }
        #expect(try driver.memory.bytes(buffers[0]) != driver.memory.bytes(buffers[1]))
        driver.reset()
    }

    @Test func anOversizedRequestIsBounded() throws {
        let buffer = driver.memory.allocate(8 << 20)
        #expect(try driver.request([.writable(buffer)]) == 64 << 10)
        let rest = GuestRange(start: GuestAddress(buffer.start.rawValue + 64 << 10), byteCount: 4096)
        #expect(try driver.memory.bytes(rest).allSatisfy { $0 == 0 })
        driver.reset()
    }

    @Test func manyBuffersAreOneRequest() throws {
        let buffers = (0..<10).map { _ in driver.memory.allocate(7) }
        #expect(try driver.request(buffers.map { .writable($0) }) == 70)
        #expect(device.counters.byteCountToGuest == 70)
        driver.reset()
    }

    @Test func aFullQueueIsServed() throws {
        for _ in 0..<64 { try driver.queues[0].add([.writable(driver.memory.allocate(64 << 10))]) }
        driver.ring(0)
        for _ in 0..<64 { #expect(try driver.waitForUsed(0).byteCount == 64 << 10) }
        driver.reset()
    }
}
