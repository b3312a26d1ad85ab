import GuestMemory
import Host
import TestSupport
import Testing
import Virtio

@testable import Devices

/// A queue with a driver and a device in one thread. So the driver can act in the middle of the device's
/// work, as another CPU of the guest does.
private struct QueueFixture: ~Copyable {
    let memory: DriverMemory
    let driver: DriverQueue
    let doorbell: EventFD
    let line: TestLine
    var queue: ServedQueue

    init(turnByteCount: UInt64) throws {
        let memory = try DriverMemory(byteCount: 1 << 20)
        let driver = DriverQueue(index: 0, size: 8, in: memory)
        let doorbell = try EventFD()
        let line = try TestLine()
        var configuration = VirtqueueConfiguration(size: 8)
        configuration.descriptorTable = driver.descriptors.start
        configuration.availableRing = driver.available.start
        configuration.usedRing = driver.used.start
        configuration.isReady = true
        let activation = VirtioActivation(
            features: .ofEveryDevice, memory: memory.memory, queues: [configuration], doorbells: [doorbell],
            interrupt: VirtioInterrupt(line: line))
        let queue = try ServedQueue(0, of: activation, turnByteCount: turnByteCount)
        self.memory = memory
        self.driver = driver
        self.doorbell = doorbell
        self.line = line
        self.queue = queue
    }

    /// Serves one turn, and answers each chain with `byteCount` bytes.
    mutating func serve(byteCount: UInt32, _ counters: inout VirtioCounters) throws {
        while try queue.pop() { try queue.push(byteCount: byteCount, &counters) }
        try queue.endTurn(&counters)
    }
}

@Suite struct ServedQueueTests {
    /// Without a budget this turn would never end: another chain is there whenever one has been answered.
    @Test func aTurnEndsThoughTheDriverAddsChainsWithoutEnd() throws {
        var fixture = try QueueFixture(turnByteCount: 10 * 256)
        let driver = fixture.driver
        let head = try driver.add([.writable(fixture.memory.allocate(16))])
        var counters = VirtioCounters()
        for turn in UInt64(1)...3 {
            while try fixture.queue.pop() {
                #expect(fixture.queue.chain.head == head)
                try driver.publish(head)
                try fixture.queue.push(byteCount: 0, &counters)
            }
            try fixture.queue.endTurn(&counters)
            #expect(counters.requestCount == turn * 10)
            #expect(fixture.doorbell.drain(), "the event loop must serve the next turn")
        }
        #expect(fixture.line.count > 0)
    }

    @Test func bytesUseUpTheBudgetToo() throws {
        var fixture = try QueueFixture(turnByteCount: 4096)
        for _ in 0..<8 { try fixture.driver.add([.writable(fixture.memory.allocate(2000))]) }
        var counters = VirtioCounters()
        try fixture.serve(byteCount: 2000, &counters)
        #expect(counters.requestCount == 2)
        #expect(counters.byteCountToGuest == 4000)
        #expect(fixture.doorbell.drain())
    }

    @Test func aTurnThatServesEverythingAsksForNoOther() throws {
        var fixture = try QueueFixture(turnByteCount: 100 * 256)
        for _ in 0..<8 { try fixture.driver.add([.writable(fixture.memory.allocate(4))]) }
        var counters = VirtioCounters()
        try fixture.serve(byteCount: 4, &counters)
        #expect(counters.requestCount == 8)
        #expect(!fixture.doorbell.drain())
    }
}
