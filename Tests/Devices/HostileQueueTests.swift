import TestSupport
import Testing

/// Something that no driver may put into a queue.
struct QueueAttack: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let without: UInt64
    let attack: @Sendable (HostileFixture) throws -> Void

    init(
        _ name: String, without: UInt64 = 0, _ attack: @escaping @Sendable (HostileFixture) throws -> Void
    ) {
        testDescription = name
        self.without = without
        self.attack = attack
    }

    private static let end = HostileFixture.memoryByteCount
    private static let table: UInt64 = 0x40_0000

    /// One descriptor, made available.
    private static func descriptor(
        _ name: String, _ address: UInt64, _ byteCount: UInt32, flags: UInt16 = 0, next: UInt16 = 0,
        without: UInt64 = 0
    ) -> QueueAttack {
        QueueAttack(name, without: without) { fixture in
            try fixture.queue.describe(0, address, byteCount, flags: flags, next: next)
            try fixture.queue.publish(0)
        }
    }

    /// One descriptor in an indirect table, made available.
    private static func indirect(
        _ name: String, _ address: UInt64, _ byteCount: UInt32, flags: UInt16, next: UInt16 = 0
    ) -> QueueAttack {
        QueueAttack(name) { fixture in
            try fixture.queue.write(descriptor: table, address, byteCount, flags: flags, next: next)
            try fixture.queue.describe(0, table, 16, flags: DescriptorFlag.indirect, next: 0)
            try fixture.queue.publish(0)
        }
    }

    private static let indirectFlags = DescriptorFlag.indirect

    static let all: [QueueAttack] = [
        descriptor("a loop of one", table, 1, flags: DescriptorFlag.next),
        descriptor("a writable loop of one", table, 1, flags: DescriptorFlag.next | DescriptorFlag.write),
        QueueAttack("a loop through the whole table") { fixture in
            for index in UInt16(0)..<8 {
                try fixture.queue.describe(index, table, 1, flags: DescriptorFlag.next, next: (index + 1) % 8)
            }
            try fixture.queue.publish(3)
        },
        indirect("a loop in an indirect table", table, 1, flags: DescriptorFlag.next),
        indirect("an indirect table in an indirect table", table, 16, flags: DescriptorFlag.indirect),
        indirect("a next beyond an indirect table", table, 1, flags: DescriptorFlag.next, next: 1),
        indirect("a buffer outside memory in an indirect table", end, 1, flags: DescriptorFlag.write),
        descriptor("an indirect table that goes on", table, 16, flags: indirectFlags | DescriptorFlag.next),
        descriptor("an empty indirect table", table, 0, flags: indirectFlags),
        descriptor("an indirect table of 15 bytes", table, 15, flags: indirectFlags),
        descriptor("an indirect table longer than the queue", table, 144, flags: indirectFlags),
        descriptor("an indirect table of 4 GiB", table, 0xFFFF_FFF0, flags: indirectFlags),
        descriptor("an indirect table outside memory", end, 16, flags: indirectFlags),
        descriptor("an indirect table across memory's end", end - 16, 32, flags: indirectFlags),
        descriptor("an indirect table that overflows", .max - 15, 16, flags: indirectFlags),
        descriptor("an indirect table not negotiated", table, 16, flags: indirectFlags, without: 1 << 28),
        descriptor("a buffer after memory", end, 16),
        descriptor("a buffer across memory's end", end - 8, 16),
        descriptor("a buffer in the hole below 4 GiB", 0xD000_0000, 4),
        descriptor("a buffer above 4 GiB", 1 << 32, 4),
        descriptor("a buffer that overflows", .max - 1, .max),
        descriptor("a buffer of 4 GiB", 0, .max),
        descriptor("an empty buffer outside memory", .max, 0),
        descriptor("a next beyond the table", table, 1, flags: DescriptorFlag.next, next: 8),
        descriptor("the greatest next", table, 1, flags: DescriptorFlag.next, next: .max),
        QueueAttack("a readable buffer after a writable one") { fixture in
            try fixture.queue.describe(
                0, table, 1, flags: DescriptorFlag.next | DescriptorFlag.write, next: 1)
            try fixture.queue.describe(1, table, 1, flags: 0, next: 0)
            try fixture.queue.publish(0)
        },
        QueueAttack("a head beyond the table") { fixture in try fixture.queue.publish(8) },
        QueueAttack("the greatest head") { fixture in try fixture.queue.publish(.max) },
        QueueAttack("an index that jumps") { fixture in try fixture.queue.setAvailableIndex(9) },
        QueueAttack("an index that goes back") { fixture in try fixture.queue.setAvailableIndex(.max) },
    ]
}

/// A queue that no driver may set up.
struct PlacementAttack: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let writes: [(VirtioRegister, UInt32)]

    init(_ name: String, _ writes: (VirtioRegister, UInt32)...) {
        testDescription = name
        self.writes = writes
    }

    private static let end = UInt32(HostileFixture.memoryByteCount)

    static let all: [PlacementAttack] = [
        PlacementAttack("a size of 0", (.queueSize, 0)),
        PlacementAttack("a size of 3", (.queueSize, 3)),
        PlacementAttack("a size above the device's", (.queueSize, 512)),
        PlacementAttack("a size whose low half is fine", (.queueSize, 0x1_0008)),
        PlacementAttack("the greatest size", (.queueSize, .max)),
        PlacementAttack("descriptors misaligned", (.queueDescriptorLow, 0x1008)),
        PlacementAttack("descriptors outside memory", (.queueDescriptorLow, end)),
        PlacementAttack("descriptors across memory's end", (.queueDescriptorLow, end - 16)),
        PlacementAttack("descriptors above 4 GiB", (.queueDescriptorHigh, 1)),
        PlacementAttack(
            "descriptors at the end of the address space", (.queueDescriptorLow, 0xFFFF_FFF0),
            (.queueDescriptorHigh, .max)),
        PlacementAttack("an available ring misaligned", (.queueDriverLow, 0x2001)),
        PlacementAttack("an available ring across memory's end", (.queueDriverLow, end - 4)),
        PlacementAttack("an available ring in the hole", (.queueDriverLow, 0xD000_0000)),
        PlacementAttack("an available ring far up", (.queueDriverHigh, .max)),
        PlacementAttack("a used ring misaligned", (.queueDeviceLow, 0x3002)),
        PlacementAttack("a used ring whose last word is outside", (.queueDeviceLow, end - 68)),
        PlacementAttack("a used ring far up", (.queueDeviceHigh, 0x8000_0000)),
        PlacementAttack("no queue at all", (.queueReady, 0)),
    ]
}

@Suite struct HostileQueueTests {
    @Test(arguments: HostileTarget.all, QueueAttack.all)
    func aDeviceBreaksOffAndRecovers(_ target: HostileTarget, _ attack: QueueAttack) throws {
        let fixture = try HostileFixture(target)
        try fixture.start(without: attack.without)
        try attack.attack(fixture)
        fixture.ring()
        try fixture.expectNeedsReset()
    }

    @Test(arguments: HostileTarget.all, PlacementAttack.all)
    func aQueueThatCannotBeIsFoundAtDriverOK(_ target: HostileTarget, _ attack: PlacementAttack) throws {
        let fixture = try HostileFixture(target)
        let driver = fixture.driver
        driver.reset()
        try driver.negotiate(driver.offeredFeatures())
        driver.makeQueues(size: HostileFixture.queueSize)
        for queue in driver.queues { driver.configure(queue) }
        driver.write(UInt32(target.queue), to: .queueSelect)
        driver.write(0, to: .queueReady)
        for (register, value) in attack.writes { driver.write(value, to: register) }
        if !attack.writes.contains(where: { $0.0 == .queueReady }) { driver.write(1, to: .queueReady) }
        driver.write(driver.status | DriverStatus.driverOK, to: .status)
        #expect(driver.needsReset)
        try fixture.expectNeedsReset()
    }
}
