import GuestMemory
import TestSupport
import Testing
import Virtio

/// A queue with a driver and a device in one thread.
private struct QueuePair: ~Copyable {
    let memory: DriverMemory
    let driver: DriverQueue
    var device: Virtqueue

    init(size: UInt16 = 8, features: VirtioFeatures = .ofEveryDevice) throws {
        let memory = try DriverMemory(byteCount: 1 << 20)
        let driver = DriverQueue(index: 0, size: size, in: memory)
        let configuration = VirtqueueConfiguration(of: driver, size: size)
        let device = try Virtqueue(configuration, features: features, memory: memory.memory)
        self.memory = memory
        self.driver = driver
        self.device = device
    }

    /// Replaces the device's side by a new one that continues at its state.
    mutating func saveAndRestore(_ features: VirtioFeatures) throws {
        device = try Virtqueue(
            device.configuration, device.state, features: features, memory: memory.memory)
    }
}

@Suite struct VirtqueueTests {
    @Test func aChainArrivesInOrder() throws {
        var pair = try QueuePair()
        let (first, second) = (pair.memory.allocate(10), pair.memory.allocate(20))
        let head = try pair.driver.add([.readable(first), .writable(second)])
        var chain = DescriptorChain()
        #expect(try pair.device.pop(into: &chain))
        #expect(chain.head == head)
        #expect(Array(chain.readable) == [first])
        #expect(Array(chain.writable) == [second])
        #expect(try !pair.device.pop(into: &chain))
    }

    @Test func anIndirectChainIsTheSame() throws {
        var pair = try QueuePair()
        let buffers = (0..<8).map { _ in pair.memory.allocate(4) }
        try pair.driver.add(buffers.map { .readable($0) }, indirect: true)
        var chain = DescriptorChain()
        #expect(try pair.device.pop(into: &chain))
        #expect(Array(chain.readable) == buffers)
        #expect(chain.readableByteCount == 32)
    }

    @Test func directDescriptorsMayLeadToAnIndirectOne() throws {
        var pair = try QueuePair()
        let table = pair.memory.allocate(16)
        try pair.driver.write(
            descriptor: table.start.rawValue, 0x100, 5, flags: DescriptorFlag.write, next: 0)
        try pair.driver.describe(0, 0x200, 3, flags: DescriptorFlag.next, next: 4)
        // The write flag of a descriptor that names a table is ignored (2.7.5.3.2).
        try pair.driver.describe(
            4, table.start.rawValue, 16, flags: DescriptorFlag.indirect | DescriptorFlag.write, next: 0)
        try pair.driver.publish(0)
        var chain = DescriptorChain()
        #expect(try pair.device.pop(into: &chain))
        #expect(chain.buffers.map(\.byteCount) == [3, 5])
        #expect(chain.readableCount == 1)
    }

    @Test func usedEntriesArrive() throws {
        var pair = try QueuePair()
        try pair.device.push(head: 3, byteCount: 99)
        try pair.device.push(head: 1, byteCount: 7)
        #expect(try pair.driver.takeUsed() == UsedEntry(head: 3, byteCount: 99))
        #expect(try pair.driver.takeUsed() == UsedEntry(head: 1, byteCount: 7))
        #expect(try pair.driver.takeUsed() == nil)
    }

    @Test(arguments: [UInt16(1), 2, 8]) func indicesWrapAt65536(_ size: UInt16) throws {
        var pair = try QueuePair(size: size)
        let buffer = pair.memory.allocate(1)
        var chain = DescriptorChain()
        for round in 0..<70_000 {
            let head = try pair.driver.add([.readable(buffer)])
            guard try pair.device.pop(into: &chain), chain.head == head else {
                Issue.record("no chain in round \(round)")
                return
            }
            try pair.device.push(head: head, byteCount: 0)
            guard try pair.driver.takeUsed()?.head == UInt32(head) else {
                Issue.record("no used entry in round \(round)")
                return
            }
        }
    }

    @Test func aFullQueueIsTakenWhole() throws {
        var pair = try QueuePair(size: 8)
        let buffer = pair.memory.allocate(1)
        for _ in 0..<8 { try pair.driver.add([.readable(buffer)]) }
        var chain = DescriptorChain()
        for _ in 0..<8 { #expect(try pair.device.pop(into: &chain)) }
        #expect(try !pair.device.pop(into: &chain))
    }

    @Test func withEventIndexTheDriverChoosesItsInterrupts() throws {
        var pair = try QueuePair()
        #expect(try pair.driver.takeUsed() == nil)  // asks for an interrupt at entry 0
        try pair.device.push(head: 0, byteCount: 0)
        #expect(try pair.device.needsInterrupt())
        #expect(try !pair.device.needsInterrupt())  // only once
        try pair.device.push(head: 0, byteCount: 0)
        #expect(try !pair.device.needsInterrupt())  // used_event is still 0
        while try pair.driver.takeUsed() != nil {}
        try pair.device.push(head: 0, byteCount: 0)
        try pair.device.push(head: 0, byteCount: 0)
        #expect(try pair.device.needsInterrupt())
    }

    @Test func withoutEventIndexAFlagSuppressesInterrupts() throws {
        var pair = try QueuePair(features: .version1)
        try pair.driver.setAvailableFlags(1)
        try pair.device.push(head: 0, byteCount: 0)
        #expect(try !pair.device.needsInterrupt())
        try pair.driver.setAvailableFlags(0)
        try pair.device.push(head: 0, byteCount: 0)
        #expect(try pair.device.needsInterrupt())
    }

    @Test func withEventIndexTheDeviceChoosesItsNotifications() throws {
        var pair = try QueuePair()
        let buffer = pair.memory.allocate(1)
        var chain = DescriptorChain()
        try pair.driver.add([.readable(buffer)])
        #expect(try pair.device.enableNotifications())  // one is there already
        #expect(try pair.device.pop(into: &chain))
        #expect(try !pair.device.enableNotifications())
        #expect(try pair.driver.availableEvent() == 1)
    }

    @Test func withEventIndexTheDeviceSuppressesNotifications() throws {
        var pair = try QueuePair()
        try pair.device.disableNotifications()
        #expect(try pair.driver.availableEvent() == .max)
        #expect(try !pair.device.enableNotifications())
        #expect(try pair.driver.availableEvent() == 0)
    }

    @Test func withoutEventIndexAFlagSuppressesNotifications() throws {
        var pair = try QueuePair(features: .version1)
        try pair.device.disableNotifications()
        #expect(try pair.driver.usedFlags() == 1)
        #expect(try !pair.device.enableNotifications())
        #expect(try pair.driver.usedFlags() == 0)
    }

    @Test func aChainIsReadOnceAndThenOurs() throws {
        var pair = try QueuePair()
        let buffer = pair.memory.allocate(8)
        let head = try pair.driver.add([.readable(buffer)])
        var chain = DescriptorChain()
        #expect(try pair.device.pop(into: &chain))
        try pair.driver.describe(head, .max, .max, flags: DescriptorFlag.next, next: 999)
        #expect(Array(chain.buffers) == [buffer])
    }
    /// Chains that were pushed, popped, and are still available: at each point of that, and across the wrap
    /// of the indices, another queue continues, and the driver does not notice.
    @Test(arguments: [VirtioFeatures.ofEveryDevice, .version1])
    func aSavedQueueContinuesAtAnyPoint(_ features: VirtioFeatures) throws {
        var pair = try QueuePair(features: features)
        let buffer = pair.memory.allocate(1)
        var chain = DescriptorChain()
        for round in 0..<70_000 {
            let heads = try (0..<3).map { _ in try pair.driver.add([.readable(buffer)]) }
            for (step, head) in heads.enumerated() {
                if (round + step) % 100 == 0 { try pair.saveAndRestore(features) }
                guard try pair.device.pop(into: &chain), chain.head == head else {
                    Issue.record("no chain in round \(round)")
                    return
                }
                if (round + step) % 100 == 1 { try pair.saveAndRestore(features) }
                try pair.device.push(head: head, byteCount: 0)
                if (round + step) % 100 == 2 { try pair.saveAndRestore(features) }
                #expect(try pair.device.needsInterrupt())
                guard try pair.driver.takeUsed()?.head == UInt32(head), try pair.driver.takeUsed() == nil
                else {
                    Issue.record("no used entry in round \(round)")
                    return
                }
            }
        }
    }

    @Test func aSavedQueueKnowsThatAnInterruptIsDue() throws {
        var pair = try QueuePair()
        var chain = DescriptorChain()
        #expect(try pair.driver.takeUsed() == nil)
        try pair.driver.add([.readable(pair.memory.allocate(1))])
        #expect(try pair.device.pop(into: &chain))
        try pair.device.push(head: chain.head, byteCount: 0)
        try pair.saveAndRestore(.ofEveryDevice)
        #expect(try pair.device.needsInterrupt())
        try pair.saveAndRestore(.ofEveryDevice)
        #expect(try !pair.device.needsInterrupt())
    }

    @Test(arguments: [(9, 0), (0, 1), (0x8000, 0), (3, 0xFFF0)] as [(UInt16, UInt16)])
    func aStateWithMoreUnderWayThanDescriptorsIsRefused(_ position: (UInt16, UInt16)) throws {
        let memory = try DriverMemory(byteCount: 1 << 20)
        let driver = DriverQueue(index: 0, size: 8, in: memory)
        var state = VirtqueueState()
        (state.nextAvailable, state.nextUsed) = position
        #expect(throws: VirtqueueError.indexJumped(by: position.0 &- position.1)) {
            _ = try Virtqueue(
                VirtqueueConfiguration(of: driver, size: 8), state, features: .ofEveryDevice,
                memory: memory.memory)
        }
    }

    /// The driver's memory is not that with which the queue was saved: its own checks find that out.
    @Test func aStateThatDoesNotFitTheMemoryIsFound() throws {
        let memory = try DriverMemory(byteCount: 1 << 20)
        let driver = DriverQueue(index: 0, size: 8, in: memory)
        var state = VirtqueueState()
        (state.nextAvailable, state.nextUsed) = (500, 500)
        var device = try Virtqueue(
            VirtqueueConfiguration(of: driver, size: 8), state, features: .ofEveryDevice,
            memory: memory.memory)
        var chain = DescriptorChain()
        try driver.add([.readable(memory.allocate(1))])
        #expect(throws: VirtqueueError.indexJumped(by: 1 &- 500)) { _ = try device.pop(into: &chain) }
    }
}
