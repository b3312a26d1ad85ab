import GuestMemory
import TestSupport
import Testing
import Virtio

/// A way to break the rules of a queue, and the error that it must be found by.
struct BrokenRule: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let features: VirtioFeatures
    let error: VirtqueueError
    let breakRule: @Sendable (DriverQueue, DriverMemory) throws -> Void

    init(
        _ name: String, _ error: VirtqueueError, features: VirtioFeatures = .ofEveryDevice,
        _ breakRule: @escaping @Sendable (DriverQueue, DriverMemory) throws -> Void
    ) {
        testDescription = name
        self.error = error
        self.features = features
        self.breakRule = breakRule
    }

    static let memoryByteCount: UInt64 = 1 << 20
    static let table: UInt64 = 0x8_0000
    static func outside(_ start: UInt64, _ byteCount: UInt64) -> VirtqueueError {
        .outsideMemory(GuestRange(start: GuestAddress(start), byteCount: byteCount))
    }

    static let all: [BrokenRule] = [
        BrokenRule("a loop of one", .chainTooLong) { queue, _ in
            try queue.describe(0, 0x100, 1, flags: DescriptorFlag.next, next: 0)
            try queue.publish(0)
        },
        BrokenRule("a loop of two", .chainTooLong) { queue, _ in
            try queue.describe(0, 0x100, 1, flags: DescriptorFlag.next, next: 1)
            try queue.describe(1, 0x100, 1, flags: DescriptorFlag.next, next: 0)
            try queue.publish(0)
        },
        BrokenRule("a loop in an indirect table", .chainTooLong) { queue, _ in
            try queue.write(descriptor: table, 0x100, 1, flags: DescriptorFlag.next, next: 0)
            try queue.describe(0, table, 16, flags: DescriptorFlag.indirect, next: 0)
            try queue.publish(0)
        },
        BrokenRule("a head beyond the table", .badDescriptorIndex(8)) { queue, _ in try queue.publish(8) },
        BrokenRule("the greatest head", .badDescriptorIndex(.max)) { queue, _ in try queue.publish(.max) },
        BrokenRule("a next beyond the table", .badDescriptorIndex(9)) { queue, _ in
            try queue.describe(0, 0x100, 1, flags: DescriptorFlag.next, next: 9)
            try queue.publish(0)
        },
        BrokenRule("a next beyond the indirect table", .badDescriptorIndex(1)) { queue, _ in
            try queue.write(descriptor: table, 0x100, 1, flags: DescriptorFlag.next, next: 1)
            try queue.describe(0, table, 16, flags: DescriptorFlag.indirect, next: 0)
            try queue.publish(0)
        },
        BrokenRule("indirect within indirect", .nestedIndirect) { queue, _ in
            try queue.write(descriptor: table, table, 16, flags: DescriptorFlag.indirect, next: 0)
            try queue.describe(0, table, 16, flags: DescriptorFlag.indirect, next: 0)
            try queue.publish(0)
        },
        BrokenRule("indirect with a next", .nestedIndirect) { queue, _ in
            try queue.describe(0, table, 16, flags: DescriptorFlag.indirect | DescriptorFlag.next, next: 1)
            try queue.publish(0)
        },
        BrokenRule("indirect without negotiation", .indirectNotNegotiated, features: .version1) { queue, _ in
            try queue.describe(0, table, 16, flags: DescriptorFlag.indirect, next: 0)
            try queue.publish(0)
        },
        BrokenRule("an empty indirect table", .badIndirectTable(byteCount: 0)) { queue, _ in
            try queue.describe(0, table, 0, flags: DescriptorFlag.indirect, next: 0)
            try queue.publish(0)
        },
        BrokenRule("an indirect table of 17 bytes", .badIndirectTable(byteCount: 17)) { queue, _ in
            try queue.describe(0, table, 17, flags: DescriptorFlag.indirect, next: 0)
            try queue.publish(0)
        },
        BrokenRule("an indirect table longer than the queue", .badIndirectTable(byteCount: 144)) { queue, _ in
            try queue.describe(0, table, 144, flags: DescriptorFlag.indirect, next: 0)
            try queue.publish(0)
        },
        BrokenRule("an indirect table of almost 4 GiB", .badIndirectTable(byteCount: 0xFFFF_FFF0)) {
            queue, _ in
            try queue.describe(0, table, 0xFFFF_FFF0, flags: DescriptorFlag.indirect, next: 0)
            try queue.publish(0)
        },
        BrokenRule("an indirect table outside memory", outside(memoryByteCount, 16)) { queue, _ in
            try queue.describe(0, memoryByteCount, 16, flags: DescriptorFlag.indirect, next: 0)
            try queue.publish(0)
        },
        BrokenRule("an indirect table half outside memory", outside(memoryByteCount - 16, 32)) { queue, _ in
            try queue.describe(0, memoryByteCount - 16, 32, flags: DescriptorFlag.indirect, next: 0)
            try queue.publish(0)
        },
        BrokenRule("an indirect table at the end of the address space", outside(.max - 15, 32)) { queue, _ in
            try queue.describe(0, .max - 15, 32, flags: DescriptorFlag.indirect, next: 0)
            try queue.publish(0)
        },
        BrokenRule("a buffer outside memory", outside(memoryByteCount, 1)) { queue, _ in
            try queue.describe(0, memoryByteCount, 1, flags: 0, next: 0)
            try queue.publish(0)
        },
        BrokenRule("a buffer that runs out of memory", outside(0x100, 0xFFFF_FFFF)) { queue, _ in
            try queue.describe(0, 0x100, .max, flags: 0, next: 0)
            try queue.publish(0)
        },
        BrokenRule("a buffer that overflows", outside(.max, 2)) { queue, _ in
            try queue.describe(0, .max, 2, flags: 0, next: 0)
            try queue.publish(0)
        },
        BrokenRule("an empty buffer outside memory", outside(.max, 0)) { queue, _ in
            try queue.describe(0, .max, 0, flags: 0, next: 0)
            try queue.publish(0)
        },
        BrokenRule("readable after writable", .readableAfterWritable) { queue, _ in
            try queue.describe(0, 0x100, 1, flags: DescriptorFlag.next | DescriptorFlag.write, next: 1)
            try queue.describe(1, 0x100, 1, flags: 0, next: 0)
            try queue.publish(0)
        },
        BrokenRule("the index jumps by one too many", .indexJumped(by: 9)) { queue, _ in
            try queue.setAvailableIndex(9)
        },
        BrokenRule("the index jumps to its end", .indexJumped(by: .max)) { queue, _ in
            try queue.setAvailableIndex(.max)
        },
    ]
}

/// A place where a queue's part cannot be.
struct BadPlace: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let size: UInt16
    let parts: [UInt64]
    let error: VirtqueueError

    init(
        _ name: String, size: UInt16 = 8, descriptors: UInt64 = 0x1000, available: UInt64 = 0x2000,
        used: UInt64 = 0x3000, _ error: VirtqueueError
    ) {
        testDescription = name
        self.size = size
        parts = [descriptors, available, used]
        self.error = error
    }

    private static let end: UInt64 = 1 << 20
    private static func misaligned(_ address: UInt64) -> VirtqueueError {
        .misaligned(GuestAddress(address))
    }

    static let all: [BadPlace] = [
        BadPlace("no descriptors", size: 0, .badSize(0)),
        BadPlace("three descriptors", size: 3, .badSize(3)),
        BadPlace("65,535 descriptors", size: .max, .badSize(.max)),
        BadPlace("a misaligned descriptor table", descriptors: 0x1008, misaligned(0x1008)),
        BadPlace("a misaligned available ring", available: 0x2001, misaligned(0x2001)),
        BadPlace("a misaligned used ring", used: 0x3002, misaligned(0x3002)),
        BadPlace("descriptors outside memory", descriptors: end, BrokenRule.outside(end, 128)),
        BadPlace("descriptors half outside memory", descriptors: end - 64, BrokenRule.outside(end - 64, 128)),
        BadPlace(
            "an available ring whose event is outside", available: end - 20, BrokenRule.outside(end - 20, 22)),
        BadPlace("a used ring whose event is outside", used: end - 68, BrokenRule.outside(end - 68, 70)),
        BadPlace(
            "a used ring at the end of the address space", used: .max - 3, BrokenRule.outside(.max - 3, 70)),
    ]
}

extension VirtqueueConfiguration {
    /// The queue as `driver` laid it out.
    init(of driver: DriverQueue, size: UInt16) {
        self.init(size: size)
        descriptorTable = driver.descriptors.start
        availableRing = driver.available.start
        usedRing = driver.used.start
    }
}

@Suite struct VirtqueueRuleTests {
    @Test(arguments: BrokenRule.all) func aBrokenRuleIsFound(_ rule: BrokenRule) throws {
        let memory = try DriverMemory(byteCount: BrokenRule.memoryByteCount)
        let driver = DriverQueue(index: 0, size: 8, in: memory)
        let configuration = VirtqueueConfiguration(of: driver, size: 8)
        var device = try Virtqueue(configuration, features: rule.features, memory: memory.memory)
        try rule.breakRule(driver, memory)
        var found: VirtqueueError?
        var chain = DescriptorChain()
        do throws(VirtqueueError) { _ = try device.pop(into: &chain) } catch { found = error }
        #expect(found == rule.error)
    }

    /// A driver has as many chains under way as the queue has descriptors, at the most. One that goes on
    /// before it was answered would have a device that keeps requests keep more and more of them.
    @Test func moreUnderWayThanThereAreDescriptors() throws {
        let memory = try DriverMemory(byteCount: BrokenRule.memoryByteCount)
        let driver = DriverQueue(index: 0, size: 8, in: memory)
        let configuration = VirtqueueConfiguration(of: driver, size: 8)
        var device = try Virtqueue(configuration, features: .ofEveryDevice, memory: memory.memory)
        var chain = DescriptorChain()
        // Twice round the ring, so that the indices have gone on.
        for round in 0..<2 {
            for head in 0..<UInt16(8) {
                try driver.describe(head, 0x100, 1, flags: 0, next: 0)
                try driver.publish(head)
            }
            for _ in 0..<8 { #expect(try device.pop(into: &chain)) }
            #expect(try !device.pop(into: &chain))
            if round == 0 { for head in 0..<UInt16(8) { try device.push(head: head, byteCount: 0) } }
        }
        try device.push(head: 5, byteCount: 0)
        try driver.publish(5)
        #expect(try device.pop(into: &chain))
        try driver.publish(6)
        var found: VirtqueueError?
        do throws(VirtqueueError) { _ = try device.pop(into: &chain) } catch { found = error }
        #expect(found == .indexJumped(by: 9))
    }

    @Test(arguments: BadPlace.all) func aBadPlaceIsFound(_ place: BadPlace) throws {
        let memory = try GuestMemory(byteCount: 1 << 20)
        var configuration = VirtqueueConfiguration(size: place.size)
        configuration.descriptorTable = GuestAddress(place.parts[0])
        configuration.availableRing = GuestAddress(place.parts[1])
        configuration.usedRing = GuestAddress(place.parts[2])
        var found: VirtqueueError?
        do throws(VirtqueueError) {
            _ = try Virtqueue(configuration, features: .ofEveryDevice, memory: memory)
        } catch { found = error }
        #expect(found == place.error)
    }
}
