import GuestMemory
import TestSupport
import Testing
import Virtio

/// A driver and a device that records the calls of its transport.
private func makeDriver() throws -> (VirtioDriver, FakeDevice) {
    let device = FakeDevice()
    return (try VirtioDriver(device, memoryByteCount: 1 << 20), device)
}

@Suite struct VirtioMMIOTests {
    @Test func itIdentifiesItself() throws {
        let (driver, _) = try makeDriver()
        #expect(driver.read(.magicValue) == 0x7472_6976)
        #expect(driver.read(.version) == 2)
        #expect(driver.read(.deviceID) == 4)
        #expect(driver.offeredFeatures() == 1 << 5 | 1 << 28 | 1 << 29 | 1 << 32)
    }

    @Test func theSequenceOfTheSpecificationActivates() throws {
        let (driver, device) = try makeDriver()
        try driver.start()
        #expect(driver.status == 15)
        let features: UInt64 = 1 << 5 | 1 << 28 | 1 << 29 | 1 << 32
        #expect(device.calls == [.reset, .activate(features: features, readyQueues: 2)])
    }

    @Test(arguments: [0, 1 << 5, 1 << 32 | 1 << 6, 1 << 32 | 1 << 63] as [UInt64])
    func featuresThatAreNotOnOfferAreRefused(_ features: UInt64) throws {
        let (driver, device) = try makeDriver()
        #expect(throws: FeaturesRefused.self) { try driver.negotiate(features) }
        #expect(device.calls.isEmpty)
        try driver.start()
        #expect(!driver.needsReset)
    }

    @Test func featuresStayAfterFeaturesOK() throws {
        let (driver, device) = try makeDriver()
        try driver.negotiate(DriverFeature.version1)
        driver.write(0, to: .driverFeaturesSelect)
        driver.write(.max, to: .driverFeatures)
        driver.write(driver.status | DriverStatus.driverOK, to: .status)
        #expect(device.calls == [.activate(features: DriverFeature.version1, readyQueues: 0)])
    }

    @Test func driverOKBeforeFeaturesOKNeedsAReset() throws {
        let (driver, device) = try makeDriver()
        driver.write(7, to: .status)
        #expect(driver.needsReset)
        #expect(device.calls.isEmpty)
        try driver.start()
        #expect(!driver.needsReset)
    }

    @Test func aStatusBitIsOnlyClearedByAReset() throws {
        let (driver, _) = try makeDriver()
        try driver.negotiate(DriverFeature.version1)
        driver.write(DriverStatus.acknowledge, to: .status)
        #expect(driver.needsReset)
        #expect(driver.line.count == 1)
        #expect(driver.read(.interruptStatus) == 2)
        #expect(driver.transport.interrupt.faults.count == 1)
    }

    @Test func needsResetIsNotTheDriversToSetOrClear() throws {
        let (driver, _) = try makeDriver()
        driver.write(DriverStatus.acknowledge | DriverStatus.needsReset, to: .status)
        #expect(driver.status == DriverStatus.acknowledge)
        driver.write(0, to: .status)
        #expect(driver.status == 0)
    }

    @Test func anInterruptIsAcknowledgedReasonByReason() throws {
        let (driver, _) = try makeDriver()
        driver.transport.interrupt.usedBuffer(queue: 0)
        driver.transport.interrupt.configurationChanged()
        #expect(driver.read(.interruptStatus) == 3)
        driver.write(1, to: .interruptACK)
        #expect(driver.read(.interruptStatus) == 2)
        driver.write(0, to: .status)
        #expect(driver.read(.interruptStatus) == 0)
    }

    @Test func queuesAreSetUpOnlyBetweenFeaturesOKAndDriverOK() throws {
        let (driver, _) = try makeDriver()
        let queue = DriverQueue(index: 0, size: 8, in: driver.memory)
        driver.configure(queue)
        #expect(driver.read(.queueReady) == 0)
        try driver.negotiate(DriverFeature.version1)
        driver.configure(queue)
        #expect(driver.read(.queueReady) == 1)
        driver.write(driver.status | DriverStatus.driverOK, to: .status)
        driver.write(0, to: .queueReady)
        #expect(driver.read(.queueReady) == 1)
    }

    @Test(arguments: [UInt32(2), 3, 0x7FFF_FFFF, .max]) func aQueueThatIsNotThereReadsAsZero(_ index: UInt32)
        throws
    {
        let (driver, _) = try makeDriver()
        try driver.negotiate(DriverFeature.version1)
        driver.write(index, to: .queueSelect)
        driver.write(8, to: .queueSize)
        driver.write(1, to: .queueReady)
        #expect(driver.read(.queueSizeMax) == 0)
        #expect(driver.read(.queueReady) == 0)
        driver.ring(Int(index))
        #expect(!driver.needsReset)
    }

    @Test(arguments: [UInt32(257), 512, 0x1_0008, .max])
    func aSizeAboveTheMaximumFailsAtDriverOK(_ size: UInt32) throws {
        let (driver, _) = try makeDriver()
        try driver.negotiate(DriverFeature.version1)
        driver.configure(DriverQueue(index: 0, size: 8, in: driver.memory))
        driver.write(0, to: .queueReady)
        driver.write(size, to: .queueSize)
        driver.write(1, to: .queueReady)
        driver.write(driver.status | DriverStatus.driverOK, to: .status)
        #expect(driver.needsReset)
    }

    /// Every register, and what lies between them, in every width, both ways: nothing but 32 bits at a
    /// register's own offset may do anything (4.2.2.2).
    @Test(arguments: [1, 2, 8]) func otherWidthsDoNothing(_ byteCount: Int) throws {
        let (driver, device) = try makeDriver()
        for offset in UInt64(0)..<0x100 {
            driver.window.write(.max, at: offset, byteCount: byteCount)
            #expect(driver.window.read(at: offset, byteCount: byteCount) == 0)
        }
        #expect(driver.status == 0)
        #expect(device.calls.isEmpty)
    }

    @Test func offsetsBetweenRegistersDoNothing() throws {
        let (driver, device) = try makeDriver()
        let known = Set(
            VirtioRegister.allCases.map(\.rawValue) + Array(stride(from: 0xB0, through: 0xBC, by: 4)))
        for offset in UInt64(0)..<0x100 where !known.contains(offset) {
            driver.window.write(.max, at: offset, byteCount: 4)
            #expect(driver.window.read(at: offset, byteCount: 4) == 0)
        }
        #expect(driver.status == 0)
        #expect(device.calls.isEmpty)
    }

    @Test(arguments: [1, 2, 4, 8]) func theConfigurationSpaceHasAnEnd(_ byteCount: Int) throws {
        let (driver, device) = try makeDriver()
        for offset in UInt64(0)..<0xF00 {
            let value = driver.configuration(at: offset, byteCount: byteCount)
            let expected = (0..<UInt64(byteCount)).reduce(UInt64(0)) { sum, index in
                offset + index < 7 ? sum | (offset + index + 1) << (8 * index) : sum
            }
            #expect(value == expected)
            driver.window.write(0, at: 0x100 + offset, byteCount: byteCount)
        }
        // Only what fits whole reaches the device.
        #expect(device.calls.count == max(0, 8 - byteCount))
    }

    @Test func readOnlyRegistersCannotBeWritten() throws {
        let (driver, _) = try makeDriver()
        for register in [VirtioRegister.magicValue, .version, .deviceID, .vendorID, .queueSizeMax] {
            let before = driver.read(register)
            driver.write(.max, to: register)
            #expect(driver.read(register) == before)
        }
    }

    @Test func featureWordsBeyondTheSecondAreEmpty() throws {
        let (driver, _) = try makeDriver()
        for select in [UInt32(2), 3, 31, 32, .max] {
            driver.write(select, to: .deviceFeaturesSelect)
            #expect(driver.read(.deviceFeatures) == 0)
            driver.write(select, to: .driverFeaturesSelect)
            driver.write(.max, to: .driverFeatures)
        }
        try driver.start()
        #expect(!driver.needsReset)
    }

    @Test func thereIsNoSharedMemory() throws {
        let (driver, _) = try makeDriver()
        for offset in stride(from: UInt64(0xB0), through: 0xBC, by: 4) {
            #expect(driver.window.read(at: offset, byteCount: 4) == 0xFFFF_FFFF)
        }
    }
}
