import CHost
import Devices
import GuestMemory
import HostileDevices
import TestSupport
import Testing
import Virtio

/// Something that a device must either refuse or overlook.
struct Mischief: Sendable, CustomTestStringConvertible {
    enum Outcome: Sendable {
        case needsReset, ignored
    }

    let testDescription: String
    let target: HostileTarget
    let outcome: Outcome
    let act: @Sendable (HostileFixture) throws -> Void

    init(
        _ target: HostileTarget, _ name: String, _ outcome: Outcome,
        _ act: @escaping @Sendable (HostileFixture) throws -> Void
    ) {
        testDescription = "\(target.testDescription): \(name)"
        self.target = target
        self.outcome = outcome
        self.act = act
    }

    /// Chains that the device type's own rules forbid.
    private static func chain(
        _ target: HostileTarget, _ name: String,
        _ buffers: @escaping @Sendable (DriverMemory) throws -> [DriverBuffer]
    ) -> Mischief {
        Mischief(target, name, .needsReset) { fixture in
            try fixture.start()
            try fixture.queue.add(buffers(fixture.driver.memory))
            fixture.ring()
        }
    }

    private static func header(_ type: UInt32) -> [UInt8] { BlockDriver.header(type, sector: 0) }

    static let requests: [Mischief] = [
        chain(.block, "no header") { [.writable($0.allocate(512))] },
        chain(.block, "an empty header") { [.readable($0.allocate(0)), .writable($0.allocate(1))] },
        chain(.block, "a header of 15 bytes") { [.readable($0.allocate(15)), .writable($0.allocate(513))] },
        chain(.block, "no status") { [.readable(try $0.allocate(header(BlockDriver.write) + [0, 0]))] },
        chain(.block, "a read-only status") {
            [.readable(try $0.allocate(header(BlockDriver.read))), .readable($0.allocate(513))]
        },
        chain(.block, "an empty status") {
            [.readable(try $0.allocate(header(BlockDriver.flush))), .writable($0.allocate(0))]
        },
        chain(.block, "a flush without a status") { [.readable(try $0.allocate(header(BlockDriver.flush)))] },
        chain(.block, "an unknown type without a status") { [.readable(try $0.allocate(header(99)))] },
        chain(.consoleOutput, "a writable buffer") { [.writable($0.allocate(16))] },
        chain(.consoleOutput, "a writable buffer behind text") {
            [.readable($0.allocate(16)), .writable($0.allocate(16))]
        },
        chain(.consoleInput, "a readable buffer") { [.readable($0.allocate(16))] },
        chain(.consoleInput, "a readable buffer before a writable one") {
            [.readable($0.allocate(1)), .writable($0.allocate(16))]
        },
        chain(.entropy, "a readable buffer") { [.readable($0.allocate(16))] },
        chain(.entropy, "a readable buffer before a writable one") {
            [.readable($0.allocate(1)), .writable($0.allocate(16))]
        },
        chain(.entropy, "no room") { [.writable($0.allocate(0)), .writable($0.allocate(0))] },
        chain(.persistentMemory, "no type") { [.writable($0.allocate(4))] },
        chain(.persistentMemory, "a type of 3 bytes") {
            [.readable($0.allocate(3)), .writable($0.allocate(4))]
        },
        chain(.persistentMemory, "an empty type") {
            [.readable($0.allocate(0)), .writable($0.allocate(4))]
        },
        chain(.persistentMemory, "no room for the answer") { [.readable($0.allocate(4))] },
        chain(.persistentMemory, "room for 3 bytes of the answer") {
            [.readable($0.allocate(4)), .writable($0.allocate(1)), .writable($0.allocate(2))]
        },
        chain(.persistentMemory, "a read-only answer") {
            [.readable($0.allocate(4)), .readable($0.allocate(4))]
        },
        chain(.portOutput, "a writable buffer") { [.writable($0.allocate(16))] },
        chain(.portOutput, "a writable buffer behind text") {
            [.readable($0.allocate(16)), .writable($0.allocate(16))]
        },
        chain(.portInput, "a readable buffer") { [.readable($0.allocate(16))] },
        chain(.portInput, "a readable buffer before a writable one") {
            [.readable($0.allocate(1)), .writable($0.allocate(16))]
        },
        chain(.portControl, "an empty message") { [.readable($0.allocate(0))] },
        chain(.portControl, "a message of 7 bytes") {
            [.readable($0.allocate(3)), .readable($0.allocate(4))]
        },
        chain(.portControl, "a writable message") { [.writable($0.allocate(8))] },
        chain(.portControl, "room behind a message") {
            [.readable($0.allocate(8)), .writable($0.allocate(8))]
        },
        chain(.portControlInput, "room for half an answer") { [.writable($0.allocate(4))] },
        chain(.portControlInput, "no room for an answer") { [.writable($0.allocate(0))] },
        chain(.portControlInput, "a readable buffer") { [.readable($0.allocate(64))] },
        chain(.portControlInput, "a readable buffer before a writable one") {
            [.readable($0.allocate(1)), .writable($0.allocate(64))]
        },
    ]

    /// A driver at the registers that does not know the order of 3.1.1, or does not care.
    static let registers: [Mischief] = HostileTarget.all.flatMap { target in
        [
            Mischief(target, "DRIVER_OK at once", .needsReset) { $0.driver.write(7, to: .status) },
            Mischief(target, "everything at once", .needsReset) { $0.driver.write(.max, to: .status) },
            Mischief(target, "DRIVER_OK without queues", .needsReset) { fixture in
                try fixture.driver.negotiate(fixture.driver.offeredFeatures())
                fixture.driver.write(15, to: .status)
            },
            Mischief(target, "a status bit taken back", .needsReset) { fixture in
                try fixture.start()
                fixture.driver.write(3, to: .status)
            },
            Mischief(target, "a feature never offered", .ignored) { fixture in
                #expect(throws: FeaturesRefused.self) { try fixture.driver.negotiate(1 << 32 | 1 << 63) }
            },
            Mischief(target, "a legacy driver", .ignored) { fixture in
                #expect(throws: FeaturesRefused.self) { try fixture.driver.negotiate(1 << 28) }
            },
            Mischief(target, "queues moved under way", .ignored) { fixture in
                try fixture.start()
                for index in 0..<UInt32(fixture.driver.queues.count) {
                    fixture.driver.write(index, to: .queueSelect)
                    for register in [
                        VirtioRegister.queueSize, .queueReady, .queueDescriptorLow, .queueDriverHigh,
                    ] {
                        fixture.driver.write(0xFFFF_FFFF, to: register)
                    }
                }
            },
            Mischief(target, "notifications of queues that are not there", .ignored) { fixture in
                try fixture.start()
                for queue in [2, 3, 255, 65_535, Int(Int32.max), Int(UInt32.max)] {
                    fixture.driver.ring(queue)
                }
            },
            Mischief(target, "notifications before the device is active", .ignored) { fixture in
                for _ in 0..<1000 { fixture.driver.ring(fixture.target.queue) }
            },
            Mischief(target, "notifications for nothing", .ignored) { fixture in
                try fixture.start()
                for _ in 0..<1000 { fixture.ring() }
            },
            Mischief(target, "registers in every wrong width", .ignored) { fixture in
                try fixture.start()
                for offset in UInt64(0)..<0x100 {
                    for byteCount in [1, 2, 8] {
                        fixture.driver.window.write(.max, at: offset, byteCount: byteCount)
                        _ = fixture.driver.window.read(at: offset, byteCount: byteCount)
                    }
                }
            },
            Mischief(target, "the configuration space at every offset and width", .ignored) { fixture in
                try fixture.start()
                for offset in UInt64(0x100)..<0x1000 {
                    for byteCount in [1, 2, 4, 8] {
                        _ = fixture.driver.window.read(at: offset, byteCount: byteCount)
                        fixture.driver.window.write(.max, at: offset, byteCount: byteCount)
                    }
                }
            },
            Mischief(target, "reset after reset", .ignored) { fixture in
                for _ in 0..<20 {
                    try fixture.start()
                    fixture.ring()
                    fixture.driver.reset()
                    fixture.driver.reset()
                }
            },
        ]
    }
}

@Suite struct HostileRequestTests {
    @Test(arguments: Mischief.requests + Mischief.registers)
    func theMonitorLives(_ mischief: Mischief) throws {
        let fixture = try HostileFixture(mischief.target)
        try mischief.act(fixture)
        switch mischief.outcome {
        case .needsReset: try fixture.expectNeedsReset()
        case .ignored: try fixture.expectIgnored()
        }
    }

    /// What a queue signals its own doorbell for, after a turn's budget or a pause, must reach it.
    @Test(arguments: HostileTarget.all)
    func aDoorbellAloneIsServed(_ target: HostileTarget) throws {
        let fixture = try HostileFixture(target)
        fixture.driver.signalsDoorbells = true
        try fixture.expectWorks()
    }

    /// The same head twice while it is in flight: the device serves it twice and breaks nothing of its own.
    @Test func aHeadGivenTwiceIsServedTwice() throws {
        let fixture = try HostileFixture(.block)
        try fixture.start()
        let memory = fixture.driver.memory
        let head = try fixture.queue.add([
            .readable(try memory.allocate(BlockDriver.header(BlockDriver.flush, sector: 0))),
            .writable(memory.allocate(1)),
        ])
        try fixture.queue.publish(head)
        fixture.ring()
        for _ in 0..<2 { #expect(try fixture.driver.waitForUsed(0).head == UInt32(head)) }
        fixture.driver.reset()
        try fixture.expectWorks()
    }

    /// A request may name the same memory many times over, so that it is far larger than that. The end of the
    /// machine does not wait until all of it is transferred.
    @Test func aResetDoesNotWaitForAHugeRequest() throws {
        let disk = try TemporaryFile(byteCount: 8 << 30)
        let device = VirtioBlock(try DiskFile.open(disk.path, readOnly: true))
        let driver = try VirtioDriver(device, memoryByteCount: 160 << 20)
        try driver.start()
        let first = try driver.memory.allocate([0xEE])
        let data = driver.memory.allocate(128 << 20)
        // 6 GiB, of which the kernel transfers 2 GiB in a call.
        let ranges = [first] + Array(repeating: data, count: 48)
        let rest = GuestRange(start: data.start, byteCount: 511)
        try driver.queues[0].add(
            [.readable(try driver.memory.allocate(BlockDriver.header(BlockDriver.read, sector: 0)))]
                + ranges.map { .writable($0) } + [.writable(rest), .writable(driver.memory.allocate(1))])
        driver.write(0, to: .queueNotify)
        while try driver.memory.bytes(first) == [0xEE] { usleep(1000) }
        driver.reset()
        #expect(device.counters.requestCount == 1)
        #expect(device.counters.byteCountToGuest == 0)
        #expect(device.counters.errorCount == 1)
    }

    /// Rings that lie over each other and over the data: what comes of it is the guest's, the monitor lives.
    @Test(arguments: HostileTarget.all) func ringsMayLieOverEachOther(_ target: HostileTarget) throws {
        let fixture = try HostileFixture(target)
        let driver = fixture.driver
        driver.reset()
        try driver.negotiate(driver.offeredFeatures())
        driver.makeQueues(size: HostileFixture.queueSize)
        for queue in driver.queues {
            driver.configure(queue)
            driver.write(0, to: .queueReady)
            let at = UInt32(queue.descriptors.start.rawValue)
            driver.write(at, to: .queueDriverLow)
            driver.write(at, to: .queueDeviceLow)
            driver.write(1, to: .queueReady)
        }
        driver.write(driver.status | DriverStatus.driverOK, to: .status)
        for value in stride(from: UInt64(1), to: 200, by: 7) {
            let start = driver.queues[target.queue].descriptors.start
            try driver.memory.memory.store(value | value << 20 | value << 33, at: start)
            fixture.ring()
        }
        driver.reset()
        try fixture.expectWorks()
    }

    /// A reset while every kind of request is under way, again and again.
    @Test(arguments: HostileTarget.all) func aResetInFlightIsSafe(_ target: HostileTarget) throws {
        let fixture = try HostileFixture(target)
        let data = fixture.driver.memory.allocate(256 << 10)
        for _ in 0..<20 {
            try fixture.start()
            for _ in 0..<3 {
                let memory = fixture.driver.memory
                let header = try memory.allocate(BlockDriver.header(BlockDriver.read, sector: 0))
                let body: DriverBuffer = target.isOut ? .readable(data) : .writable(data)
                try fixture.queue.add(target.device.hasThread ? [.readable(header), body] : [body])
            }
            fixture.ring()
            fixture.driver.reset()
        }
        try fixture.drainOutput()
        try fixture.expectWorks()
    }
}
